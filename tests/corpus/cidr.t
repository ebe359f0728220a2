# Networks: what is one, its canonical text, and IP versions that do not agree.

allow from cidr 0.0.0.0/0;ok;allow from cidr 0.0.0.0/0
allow from cidr 10.0.0.1;ok;allow from cidr 10.0.0.1/32
allow from cidr 10.0.0.1/32;ok;allow from cidr 10.0.0.1/32
allow from cidr 255.255.255.255;ok;allow from cidr 255.255.255.255/32
allow from cidr fd00::/8;ok;allow from cidr fd00::/8
allow from cidr ::/0;ok;allow from cidr ::/0
allow from cidr ::1;ok;allow from cidr ::1/128
allow from cidr ::1/128;ok;allow from cidr ::1/128
allow from cidr FD00:0:0:0:0:0:0:1;ok;allow from cidr fd00::1/128
allow from cidr 2001:0db8:0000:0000:0000:0000:0000:0001/128;ok;allow from cidr 2001:db8::1/128
allow from cidr ::ffff:10.0.0.1;warn;allow from cidr ::ffff:a00:1/128;W0206
allow from cidr ::FFFF:0a00:1;warn;allow from cidr ::ffff:a00:1/128;W0206
allow from cidr 1:2:3:4:5:6:7:8;ok;allow from cidr 1:2:3:4:5:6:7:8/128
allow from cidr 10.0.0.0/08;ok;allow from cidr 10.0.0.0/8

# --- the word `cidr` may be left out ---
allow from 192.168.0.0/16;ok;allow from cidr 192.168.0.0/16
allow to 192.168.0.0/16;ok;allow to cidr 192.168.0.0/16
allow from 10.0.0.1 to 10.0.0.2;ok;allow from cidr 10.0.0.1/32 to cidr 10.0.0.2/32
allow from ::1;ok;allow from cidr ::1/128
allow from fd00::/8 to ::/0;ok;allow from cidr fd00::/8 to cidr ::/0
allow tcp from 10.0.0.0/8 to ports 80;ok;allow tcp from cidr 10.0.0.0/8 to ports 80
allow icmp from 10.0.0.0/8;ok;allow icmp from cidr 10.0.0.0/8
allow tcp to 10.0.0.0/8;ok;allow tcp to cidr 10.0.0.0/8
profile WEB rule add inbound allow from 10.0.0.0/8 --at=2;ok;profile WEB rule add inbound --at=2 allow from cidr 10.0.0.0/8

# --- but only alone ---
allow tcp to ports 80 10.0.0.0/8;fail;E0105;23;allow tcp to ports 80 cidr 10.0.0.0/8
allow from tag A 10.0.0.0/8;fail;E0105;18;allow from tag A cidr 10.0.0.0/8
allow from 10.0.0.0/8 tag A;fail;E0106;23;allow from tag A cidr 10.0.0.0/8
allow 10.0.0.0/8;fail;E0105;7;allow from 10.0.0.0/8
allow tcp 10.0.0.0/8;fail;E0105;11;allow tcp from 10.0.0.0/8
allow from 10.0.0.0/8 10.1.0.0/16;fail;E0101;23
allow from 10.0.0.0/8, 10.1.0.0/16;fail;E0163;12;~

# --- host bits are masked ---
allow from cidr 10.1.2.3/8;warn;allow from cidr 10.0.0.0/8;W0202
allow from 10.1.2.3/8;warn;allow from cidr 10.0.0.0/8;W0202
allow from cidr 192.168.1.1/24 to cidr 10.0.0.1/24;warn;allow from cidr 192.168.1.0/24 to cidr 10.0.0.0/24;W0202,W0202
allow from cidr fd00::1/64;warn;allow from cidr fd00::/64;W0202
allow from cidr FD00::1/64;warn;allow from cidr fd00::/64;W0202
allow from cidr 1.2.3.4/0;warn;allow from cidr 0.0.0.0/0;W0202
allow from cidr ::ffff:10.0.0.1/96;warn;allow from cidr ::ffff:0:0/96;W0206,W0202

# --- no network ---
allow from cidr 10;fail;E0207;17
allow from cidr 10.1;fail;E0207;17
allow from cidr 10.1.2;fail;E0207;17
allow from cidr 10/8;fail;E0207;17;allow from cidr 10.0.0.0/8
allow from cidr 10.1/16;fail;E0207;17;allow from cidr 10.1.0.0/16
allow from 192.168/16;fail;E0207;12;allow from 192.168.0.0/16
allow from cidr 10.0.0.256;fail;E0207;17
allow from cidr 10.0.0.0.0;fail;E0207;17
allow from cidr 010.0.0.1;fail;E0221;17
allow from cidr 10.0.0.01;fail;E0221;17
allow from cidr 10.0.0.1.;fail;E0207;17
allow from cidr 0x0a.0.0.1;fail;E0207;17
allow from cidr 10.0.0.*;fail;E0207;17;allow from cidr 10.0.0.0/24
allow from cidr 10.0.0.1-10.0.0.9;fail;E0220;17
allow from cidr 10.0.0.0-10.0.0.255;fail;E0220;17;allow from cidr 10.0.0.0/24
allow from 10.0.0.0-10.0.0.255;fail;E0220;12;allow from cidr 10.0.0.0/24
allow from cidr 10.0.0.255-10.0.0.0;fail;E0220;17
allow from cidr fd00::-fd00::ffff;fail;E0220;17
allow from cidr 10.0.0.1,10.0.0.2;fail;E0163;17;~
allow from cidr 10.0.0.1:80;fail;E0207;17
allow from cidr WEB;fail;E0207;17
allow from cidr localhost;fail;E0207;17
allow from cidr any;fail;E0207;17
allow from cidr '';fail;E0207;17
allow from cidr '10.0.0.0 /8';fail;E0207;17
allow from cidr \u0661.0.0.1;fail;E0207;17
allow from cidr !10.0.0.0/8;fail;E0160;17
allow from cidr :;fail;E0207;17
allow from cidr :::;fail;E0207;17
allow from cidr 1:2:3:4:5:6:7;fail;E0207;17
allow from cidr 1:2:3:4:5:6:7:8:9;fail;E0207;17
allow from cidr g::1;fail;E0207;17
allow from cidr [::1];fail;E0207;17;allow from cidr ::1
allow from [::1];fail;E0207;12;allow from cidr ::1
allow from cidr [::1]/64;fail;E0207;17;allow from cidr ::1/64
allow from cidr [fd00::]/8;fail;E0207;17;allow from cidr fd00::/8
allow from cidr fe80::1%eth0;fail;E0207;17;allow from cidr fe80::1
allow from fe80::1%eth0;fail;E0207;12;allow from cidr fe80::1
allow from cidr fe80::1%eth0/64;fail;E0207;17;allow from cidr fe80::1/64
allow tcp to 8000:8080;fail;E0207;14;allow tcp to ports 8000:8080
allow tcp from 8000:8080;fail;E0207;16;allow tcp from ports 8000:8080
allow tcp 8000:8080;fail;E0105,E0207;11;allow tcp to ports 8000:8080
allow tcp to cidr 8000:8080;fail;E0207;19
allow to 8000:8080;fail;E0207;10
allow from host.example.com;fail;E0162;12;~
allow from example-host;fail;E0105;12;allow from tag example-host

# --- the prefix length ---
allow from cidr 10.0.0.0/33;fail;E0208;17
allow from cidr 10.0.0.0/128;fail;E0208;17
allow from cidr fd00::/129;fail;E0208;17
allow from cidr 10.0.0.0/99999999999999999999;fail;E0208;17
allow from cidr 10.0.0.0/;fail;E0207;17
allow from cidr 10.0.0.0/-8;fail;E0207;17
allow from cidr 10.0.0.0/+8;fail;E0207;17
allow from cidr 10.0.0.0/x;fail;E0207;17
allow from cidr 10.0.0.0/8/8;fail;E0207;17
allow from cidr 10.0.0.0/8.0;fail;E0207;17
allow from cidr /8;fail;E0207;17
allow from cidr 10.0.0.0/255.0.0.0;fail;E0207;17;allow from cidr 10.0.0.0/8
allow from cidr 10.0.0.0/255.255.255.0;fail;E0207;17;allow from cidr 10.0.0.0/24
allow from cidr 10.0.0.0/255.0.255.0;fail;E0207;17
allow from cidr 10.0.0.0/0.0.0.255;fail;E0207;17;allow from cidr 10.0.0.0/24
allow from 10.0.0.0 255.0.0.0;fail;E0101;21

# --- IP versions ---
allow from cidr 10.0.0.0/8 to cidr fd00::/8;fail;E0209;36
allow from cidr fd00::/8 to cidr 10.0.0.0/8;fail;E0209;34
allow from ::1 to 10.0.0.1;fail;E0209;19
allow tcp from cidr 10.0.0.0/8 to cidr fd00::/8;fail;E0209;40
allow icmp from cidr fd00::/8;fail;E0210;22;allow icmpv6 from cidr fd00::/8
allow icmp to cidr fd00::/8;fail;E0210;20;allow icmpv6 to cidr fd00::/8
allow icmpv6 from cidr 10.0.0.0/8;fail;E0210;24;allow icmp from cidr 10.0.0.0/8
allow icmpv6 to 10.0.0.0/8;fail;E0210;17;allow icmp to 10.0.0.0/8
allow icmp type 8 from cidr fd00::/8;fail;E0210;29
allow icmpv6 type 128 to cidr 10.0.0.0/8;fail;E0210;31
allow icmp from cidr 10.0.0.0/8 to cidr fd00::/8;fail;E0209;41
allow icmp from cidr fd00::/8 to cidr fd01::/16;fail;E0210;22;allow icmpv6 from cidr fd00::/8 to cidr fd01::/16
allow icmp from cidr fd00::1/8;fail;W0202,E0210;22;allow icmpv6 from cidr fd00::/8
allow from cidr ::ffff:10.0.0.0/104;warn;allow from cidr ::ffff:a00:0/104;W0206
allow from cidr ::/64;ok;allow from cidr ::/64
