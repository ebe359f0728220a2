# ICMP: types and codes.

allow icmp type 8;ok;allow icmp type 8
allow icmp type 0;ok;allow icmp type 0
allow icmp type 254;ok;allow icmp type 254
allow icmp type 3 code 4;ok;allow icmp type 3 code 4
allow icmp type 3 code 0;ok;allow icmp type 3 code 0
allow icmp type 3 code 255;ok;allow icmp type 3 code 255
allow icmp type 008;ok;allow icmp type 8
allow icmpv6 type 128;ok;allow icmpv6 type 128
allow icmpv6 type 135 code 0;ok;allow icmpv6 type 135 code 0
deny icmp type 8 from tag A;ok;deny icmp type 8 from tag A
allow icmp type 8 code 0 from tag A cidr 10.0.0.0/8 to tag B cidr 10.1.0.0/16;ok;allow icmp type 8 code 0 from tag A cidr 10.0.0.0/8 to tag B cidr 10.1.0.0/16
allow icmpv6 type 128 from cidr fd00::/8;ok;allow icmpv6 type 128 from cidr fd00::/8
allow icmpv6 from tag A to tag B;ok;allow icmpv6 from tag A to tag B
profile WEB rule remove inbound allow icmp type 8 code 0;ok;profile WEB rule remove inbound allow icmp type 8 code 0

# --- out of range ---
allow icmp type 255;fail;E0213;17
allow icmpv6 type 255;fail;E0213;19
allow icmp type 256;fail;E0212;17
allow icmp type -1;fail;E0212;17
allow icmp type 99999999999999999999;fail;E0212;17
allow icmp type 3 code 256;fail;E0212;24
allow icmp type 3 code -1;fail;E0212;24
allow icmp type 255 code 256;fail;E0213,E0212;17
allow icmp type 300 code 300;fail;E0212,E0212;17

# --- no number ---
allow icmp type echo-request;fail;E0211;17;allow icmp type 8
allow icmp type ping;fail;E0211;17;allow icmp type 8
allow icmpv6 type echo-request;fail;E0211;19;allow icmpv6 type 128
allow icmp type Echo-Reply;fail;E0211;17;allow icmp type 0
allow icmpv6 type unreachable;fail;E0211;19;allow icmpv6 type 1
allow icmp type any;fail;E0211;17
allow icmp type 8.0;fail;E0211;17
allow icmp type 8/0;fail;E0211;17
allow icmp type 0x08;fail;E0211;17
allow icmp type \u0668;fail;E0211;17
allow icmp type 3 code net-unreachable;fail;E0211;24
allow icmp type '';fail;E0211;17
allow icmp type '8 0';fail;E0211;17

# --- a code needs a type ---
allow icmp code 0;fail;E0109;12;~
allow icmpv6 code 0 from tag A;fail;E0109;14;~
allow icmp from tag A code 0;fail;E0101;23

# --- words left out or misspelt ---
allow icmp 8;fail;E0105;12;allow icmp type 8
allow icmp 8 0;fail;E0105,E0105;12;allow icmp type 8 code 0
allow icmp type 8 0;fail;E0105;19;allow icmp type 8 code 0
allow icmp type=8;fail;E0118;12;allow icmp type 8
allow icmp type:8 code:0;fail;E0118,E0118;12;allow icmp type 8 code 0
allow icmp-type 8;fail;E0118,E0104;7;allow icmp type 8
allow icmp icmp-type 8;fail;E0104;12;allow icmp type 8
allow ping;fail;E0162;7;~
allow ping from 10.0.0.0/8;fail;E0162;7;~
allow icmp6;fail;E0104;7;allow icmpv6
allow ICMP TYPE 8;fail;E0103,E0103;7;allow icmp type 8
allow icmp types 8;fail;E0104;12;allow icmp type 8
allow icmp typ 8 cod 0;fail;E0104,E0104;12;allow icmp type 8 code 0
allow icmpv4;fail;E0104;7;allow icmp

# --- where types cannot stand ---
allow type 8;fail;E0101;7
allow icmp type 8 type 0;fail;E0101;19
allow icmp type 8 code 0 code 0;fail;E0101;26
allow udp code 0;fail;E0101;11
