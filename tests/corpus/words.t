# Whole words, keywords by position, names and quotes.

# --- keywords are whole words ---
profileshow;fail;E0118;1;profile show
profile showx;fail;E0104;9;profile show
profile WEB ruleshow;fail;E0118;13;profile WEB rule show
profile WEB rule addinbound allow;fail;E0118;18;profile WEB rule add inbound allow
profile WEB rule add inbound allowtcp;fail;E0118;30;profile WEB rule add inbound allow tcp
allow tcpto ports 80;fail;E0118;7;allow tcp to ports 80
allow tcp toports 80;fail;E0118;11;allow tcp to ports 80
allow tcp to ports80;fail;E0118;14;allow tcp to ports 80
allow tcp to ports80,443 tag A;fail;E0118;14;allow tcp to ports 80,443 tag A
allow tcp80;fail;E0118,E0105;7;allow tcp to ports 80
allow from tagWEB;fail;E0118;12;allow from tag WEB
allow fromWEB;fail;E0118,E0105;7;allow from tag WEB
allow fromweb;fail;E0101;7
allow from tagged;fail;E0105;12;allow from tag tagged
allow icmp type8;fail;E0118;12;allow icmp type 8
allow icmp type 8 code0;fail;E0118;19;allow icmp type 8 code 0
allow from cidr10.0.0.0/8;fail;E0118;12;allow from cidr 10.0.0.0/8
allow from10.0.0.0/8;fail;E0118;7;allow from 10.0.0.0/8
allow icmp8;fail;E0118,E0105;7;allow icmp type 8
profile WEB rule add inbound--at=1 allow;fail;E0118;22;profile WEB rule add inbound --at=1 allow
profile WEB rule add inbound --at=1allow;fail;E0102;41

# --- keywords are in lower case ---
allow Tcp to PORTS 80;fail;E0103,E0103;7;allow tcp to ports 80
profile WEB rule add inbound ALLOW;fail;E0103;30;profile WEB rule add inbound allow
allow FROM TAG web;fail;E0103,E0103;7;allow from tag web
PROFILE SHOW;fail;E0103,E0103;1;profile show
profile WEB RULE SHOW;fail;E0103,E0103;13;profile WEB rule show
profile WEB rule ADD INBOUND allow;fail;E0103,E0103;18;profile WEB rule add inbound allow
allow ICMPv6;fail;E0103;7;allow icmpv6
profile show --DETAILED;fail;E0103;14;profile show --detailed
profile Show;fail;E0103;9;profile show
profile ADD;fail;E0102;12

# --- a name like a keyword, where that keyword cannot stand ---
profile rule rule show;ok;profile rule rule show
profile tag tag show;ok;profile tag tag show
profile tag tag add tag;ok;profile tag tag add tag
profile profile rule show;ok;profile profile rule show
profile json rule json;ok;profile json rule json
profile add add;ok;profile add add
profile remove remove;ok;profile remove remove
profile add rule;ok;profile add rule
profile allow rule add inbound allow;ok;profile allow rule add inbound allow
allow from tag rule;ok;allow from tag rule
allow from tag allow;ok;allow from tag allow
allow from tag tcp;ok;allow from tag tcp
allow from tag type to tag code;ok;allow from tag type to tag code
allow from tag show;ok;allow from tag show

# --- and where it could ---
profile show rule show;fail;E0108;9;profile 'show' rule show
profile add rule show;fail;E0101;18
profile remove tag show;fail;E0101;20
profile add tag add x;fail;E0101;17
allow from tag to;fail;E0108;16;allow from tag 'to'
allow from tag from;fail;E0108;16;allow from tag 'from'
allow from tag to cidr 10.0.0.0/8;fail;E0101;16
allow from tag to to tag B;fail;E0101;16
allow from tag ports to tag B;fail;E0101;16
allow from tag tag A;fail;E0101;16
allow to tag cidr 10.0.0.0/8;fail;E0101;14
allow from tag cidr;fail;E0108;16;allow from tag 'cidr'
allow from cidr to;fail;E0101;17
allow from cidr tag A;fail;E0101;17
allow tcp from ports to tag B;fail;E0101;22
allow tcp to ports tag A;fail;E0101;20
allow icmp type code 0;fail;E0101;17
allow icmp type from 10.0.0.0/8;fail;E0101;17
allow icmp type 8 code from 10.0.0.0/8;fail;E0101;24

# --- in quotes any name is a name ---
profile 'show' rule show;ok;profile 'show' rule show
profile "show" rule show;ok;profile 'show' rule show
profile 'add' tag show;ok;profile 'add' tag show
profile 'WEB' rule show;ok;profile WEB rule show
profile "\\u0057EB" rule show;ok;profile WEB rule show
allow from tag 'to';ok;allow from tag 'to'
allow from tag "to" to tag 'from';ok;allow from tag 'to' to tag 'from'
allow from tag 'WEB';ok;allow from tag WEB
allow from tag '--at=1';fail;E0214;16
allow tcp to ports '80';ok;allow tcp to ports 80
allow from cidr '10.0.0.0/8';ok;allow from cidr 10.0.0.0/8
allow from cidr "::1";ok;allow from cidr ::1/128
allow icmp type '8' code '0';ok;allow icmp type 8 code 0
profile 'a b' rule show;ok;profile 'a b' rule show
profile "a'b" rule show;ok;profile "a'b" rule show
profile "a\\"b" rule show;ok;profile 'a"b' rule show
profile "a\\nb" rule show;ok;profile "a\\nb" rule show
profile '#' rule show;ok;profile '#' rule show
profile '' rule show;fail;E0217;9
profile "" tag show;fail;E0217;9

# --- quotes that are not closed, or not whole words ---
profile add 'WEB;fail;E0111;13;profile add WEB
profile add "WEB;fail;E0111;13;profile add WEB
profile 'WEB rule show;fail;E0111;9;profile WEB rule show
profile 'WE'B rule show;fail;E0111;9
profile "WEB"x rule show;fail;E0111;9
profile add "a\\qb";fail;E0111;13
profile add ';fail;E0111;13
profile add WEB';fail;E0214;13
profile W'E'B rule show;fail;E0214;9
profile "W'E'B" rule show;ok;profile "W'E'B" rule show
allow from tag "a" "b";fail;E0101;20
allow from 'tag' A;fail;E0104;12;allow from tag A
'profile' show;fail;E0104;1;profile show
profile 'x;fail;E0111;9

# --- empty peers ---
allow from;warn;allow;W0201
allow to;warn;allow;W0201
allow from to;warn;allow;W0201,W0201
allow tcp from;warn;allow tcp;W0201
allow udp from to ports 53;warn;allow udp to ports 53;W0201
allow from tag A to;warn;allow from tag A;W0201
allow icmp from to 10.0.0.0/8;warn;allow icmp to cidr 10.0.0.0/8;W0201
profile WEB rule remove inbound allow from;warn;profile WEB rule remove inbound allow;W0201
profile WEB rule add inbound allow from --at=1;warn;profile WEB rule add inbound --at=1 allow;W0201
allow TCP from;fail;E0103,W0201;7;allow tcp from

# --- words that end a statement too early ---
allow from tag;fail;E0102;15
allow from cidr;fail;E0102;16
allow tcp to ports;fail;E0102;19
allow icmp type;fail;E0102;16
allow icmp type 8 code;fail;E0102;23
allow from tag A to cidr;fail;E0102;25
