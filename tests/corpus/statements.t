# The statements of the usage, one by one, and what is nearly one of them.

# --- profile show ---
profile show;ok;profile show
profile show --detailed;ok;profile show --detailed
profile --detailed show;ok;profile show --detailed
calicoctl profile show;ok;profile show
./calicoctl profile show --detailed;ok;profile show --detailed
profile;fail;E0102;8;profile show
profile show WEB;fail;E0124;14;profile WEB rule show
profile show all;fail;E0101;14
profile show --verbose;fail;E0104;14;profile show --detailed
profile show -d;fail;E0104;14;profile show --detailed
profile shows;fail;E0104;9;profile show

# --- profile add ---
profile add WEB;ok;profile add WEB
profile add PROF_A_C_E;ok;profile add PROF_A_C_E
profile add only-local-pings;ok;profile add only-local-pings
profile add show;ok;profile add show
profile add 10;ok;profile add 10
profile add a.b;ok;profile add a.b
profile add ...;ok;profile add ...
profile add .hidden;ok;profile add .hidden
profile add;fail;E0102;12
profile add WEB DB;fail;E0101;17
profile add --detailed;fail;E0101;13
profile add -web;fail;E0214;13
profile add _web;fail;E0216;13
profile add __;fail;E0216;13
profile add .;fail;E0217;13
profile add ..;fail;E0217;13
profile add a/b;fail;E0214;13
profile add a:b;fail;E0214;13
profile add w\u00e9b;fail;E0214;13
profile add 'a b';fail;E0214;13
profile add '';fail;E0214;13
profile add aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;ok;profile add aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
profile add aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;fail;E0215;13

# --- profile remove ---
profile remove WEB;ok;profile remove WEB
profile remove WEB --no-check;ok;profile remove WEB --no-check
profile remove --no-check WEB;ok;profile remove WEB --no-check
profile --no-check remove WEB;ok;profile remove WEB --no-check
profile remove _web;fail;E0216;16
profile remove w\u00e9b;fail;E0214;16
profile remove '_web';ok;profile remove '_web'
profile remove 'w\u00e9b';ok;profile remove 'w\u00e9b'
profile remove 'a b';ok;profile remove 'a b'
profile remove;fail;E0102;15
profile remove --no-check;fail;E0102;26
profile remove WEB DB;fail;E0101;20
profile remove WEB --force;fail;E0104;20;profile remove WEB --no-check
profile remove WEB --detailed;fail;E0101;20
profile remove a/b;fail;E0217;16
profile remove ..;fail;E0217;16
profile remove .;fail;E0217;16
profile remove '';fail;E0217;16

# --- tags ---
profile WEB tag show;ok;profile WEB tag show
profile PROF_TEST tag show;ok;profile PROF_TEST tag show
profile WEB tag add WEB_APP;ok;profile WEB tag add WEB_APP
profile WEB tag remove WEB_APP;ok;profile WEB tag remove WEB_APP
profile WEB tag add show;ok;profile WEB tag add show
profile _web tag show;fail;E0216;9
profile '_web' tag show;ok;profile '_web' tag show
profile WEB, tag show;fail;E0214;9
profile a:b tag show;fail;E0214;9
profile "a:b" tag show;ok;profile 'a:b' tag show
profile WEB tag;fail;E0102;16;profile WEB tag show
profile WEB tag add;fail;E0102;20
profile WEB tag remove;fail;E0102;23
profile WEB tag WEB_APP;fail;E0101;17
profile WEB tag add A B;fail;E0101;23
profile WEB tag add A,B;fail;E0163;21;~
profile WEB tag add A, B;fail;E0163;21;~
profile WEB tag add -a;fail;E0214;21
profile WEB tag add --a;fail;E0101;21
profile WEB tag add _a;ok;profile WEB tag add _a
profile WEB tag add .;ok;profile WEB tag add .
profile WEB tag add a!b;fail;E0214;21
profile WEB tag add '';fail;E0214;21
profile WEB tag remove a!b;ok;profile WEB tag remove 'a!b'
profile WEB tag remove 'a b';ok;profile WEB tag remove 'a b'
profile WEB tag remove '';ok;profile WEB tag remove ''
profile WEB tag show all;fail;E0101;22

# --- rule show, json, update ---
profile WEB rule show;ok;profile WEB rule show
profile WEB rule json;ok;profile WEB rule json
profile WEB rule update;ok;profile WEB rule update
profile WEB rule show inbound;fail;E0101;23
profile WEB rule json --pretty;fail;E0101;23
profile WEB rule update web_rules.json;fail;E0125;25;profile WEB rule update < web_rules.json
profile WEB rule;fail;E0102;17;profile WEB rule show
profile WEB rule inbound;fail;E0101;18
profile WEB;fail;E0102;12
profile a/b rule show;fail;E0217;9
profile .. rule json;fail;E0217;9

# --- rule add and rule remove: every protocol, direction and action ---
profile WEB rule add inbound allow;ok;profile WEB rule add inbound allow
profile WEB rule add inbound deny;ok;profile WEB rule add inbound deny
profile WEB rule add outbound allow;ok;profile WEB rule add outbound allow
profile WEB rule add outbound deny;ok;profile WEB rule add outbound deny
profile WEB rule add inbound allow tcp;ok;profile WEB rule add inbound allow tcp
profile WEB rule add inbound allow udp;ok;profile WEB rule add inbound allow udp
profile WEB rule add inbound allow icmp;ok;profile WEB rule add inbound allow icmp
profile WEB rule add inbound allow icmpv6;ok;profile WEB rule add inbound allow icmpv6
profile WEB rule add inbound allow tcp to ports 80,443;ok;profile WEB rule add inbound allow tcp to ports 80,443
profile WEB rule add inbound allow icmp type 8;ok;profile WEB rule add inbound allow icmp type 8
profile WEB rule remove inbound allow;ok;profile WEB rule remove inbound allow
profile WEB rule remove inbound deny;ok;profile WEB rule remove inbound deny
profile WEB rule remove outbound allow;ok;profile WEB rule remove outbound allow
profile WEB rule remove outbound deny udp to ports 53;ok;profile WEB rule remove outbound deny udp to ports 53
profile WEB rule remove outbound deny icmpv6 type 128;ok;profile WEB rule remove outbound deny icmpv6 type 128
profile only-local-pings rule add inbound deny icmp;ok;profile only-local-pings rule add inbound deny icmp
profile WEB rule add;fail;E0102;21
profile WEB rule add inbound;fail;E0102;29
profile WEB rule add allow;fail;E0101;22;~
profile WEB rule add allow tcp;fail;E0101;22;~
profile WEB rule add accept tcp;fail;E0101;22;~
profile WEB rule add inbound tcp;fail;E0101;30
profile WEB rule remove;fail;E0102;24
profile WEB rule remove inbound;fail;E0102;32
profile WEB rule remove allow;fail;E0101;25;~
profile WEB rule add both allow;fail;E0162;22;~
profile WEB rule add inbound,outbound allow;fail;E0162;22;~

# --- a whole rule, and its parts ---
allow;ok;allow
deny;ok;deny
deny udp;ok;deny udp
allow tcp from ports 1;ok;allow tcp from ports 1
allow tcp from tag A;ok;allow tcp from tag A
allow tcp from cidr 10.0.0.0/8;ok;allow tcp from cidr 10.0.0.0/8
allow tcp from ports 1 tag A;ok;allow tcp from ports 1 tag A
allow tcp from ports 1 cidr 10.0.0.0/8;ok;allow tcp from ports 1 cidr 10.0.0.0/8
allow tcp from tag A cidr 10.0.0.0/8;ok;allow tcp from tag A cidr 10.0.0.0/8
allow tcp from ports 1 tag A cidr 10.0.0.0/8;ok;allow tcp from ports 1 tag A cidr 10.0.0.0/8
allow tcp to ports 1;ok;allow tcp to ports 1
allow udp to tag A;ok;allow udp to tag A
allow udp to cidr 10.0.0.0/8;ok;allow udp to cidr 10.0.0.0/8
allow udp to ports 1 tag A cidr 10.0.0.0/8;ok;allow udp to ports 1 tag A cidr 10.0.0.0/8
allow tcp from ports 1 tag A cidr 10.0.0.0/8 to ports 2 tag B cidr 10.1.0.0/16;ok;allow tcp from ports 1 tag A cidr 10.0.0.0/8 to ports 2 tag B cidr 10.1.0.0/16
deny udp from ports 1:2 tag A cidr fd00::/8 to ports 3:4 tag B cidr fd01::/16;ok;deny udp from ports 1:2 tag A cidr fd00::/8 to ports 3:4 tag B cidr fd01::/16
allow from tag A;ok;allow from tag A
allow to tag A;ok;allow to tag A
allow from tag A to tag B;ok;allow from tag A to tag B
allow from cidr 10.0.0.0/8;ok;allow from cidr 10.0.0.0/8
allow to cidr 10.0.0.0/8;ok;allow to cidr 10.0.0.0/8
allow from tag A cidr 10.0.0.0/8 to tag B cidr 10.1.0.0/16;ok;allow from tag A cidr 10.0.0.0/8 to tag B cidr 10.1.0.0/16

# --- questions about packets ---
profile WEB trace inbound;ok;profile WEB trace inbound
profile WEB trace outbound tcp from 10.1.2.3/8 to ports 0,80;warn;profile WEB trace outbound tcp from cidr 10.0.0.0/8 to ports 0,80;W0202
profile WEB trace inbound icmp type 255;ok;profile WEB trace inbound icmp type 255
profile trace trace inbound;ok;profile trace trace inbound
profile WEB trace inbound allow;fail;E0101;27
profile WEB trace;fail;E0102;18
profile WEB traces inbound;fail;E0104;13;profile WEB trace inbound
profile WEB expect inbound deny tcp to ports 22;ok;profile WEB expect inbound deny tcp to ports 22
profile --all expect outbound allow;ok;profile --all expect outbound allow
profile WEB expect inbound tcp;fail;E0101;28
profile WEB assert inbound deny;fail;E0104;13;profile WEB expect inbound deny
profile --all trace inbound;fail;E0101;15
profile --all show;fail;E0101;15
