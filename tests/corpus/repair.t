# What was probably meant: other languages' words, slips of the hand, and words left out.

# --- words of other firewalls ---
profile WEB rule add inbound permit;fail;E0104;30;profile WEB rule add inbound allow
profile WEB rule add inbound accept tcp to ports 80;fail;E0104;30;profile WEB rule add inbound allow tcp to ports 80
profile WEB rule add inbound drop;fail;E0104;30;profile WEB rule add inbound deny
profile WEB rule add inbound reject icmp;fail;E0104;30;profile WEB rule add inbound deny icmp
profile WEB rule add inbound block from tag A;fail;E0104;30;profile WEB rule add inbound deny from tag A
profile WEB rule add ingress allow;fail;E0104;22;profile WEB rule add inbound allow
profile WEB rule add egress deny;fail;E0104;22;profile WEB rule add outbound deny
profile WEB rule add in allow;fail;E0104;22;profile WEB rule add inbound allow
profile WEB rule append inbound allow;fail;E0104;18;profile WEB rule add inbound allow
profile WEB rule insert inbound --at=1 allow;fail;E0104;18;profile WEB rule add inbound --at=1 allow
profile WEB rule delete inbound allow;fail;E0104;18;profile WEB rule remove inbound allow
profile WEB rule rm inbound --at=1;fail;E0104;18;profile WEB rule remove inbound --at=1
profile WEB rule list;fail;E0104;18;profile WEB rule show
profile WEB rule set;fail;E0104;18;profile WEB rule update
profile WEB rule import;fail;E0104;18;profile WEB rule update
profile WEB rule dump;fail;E0104;18;profile WEB rule json
profile WEB tag list;fail;E0104;17;profile WEB tag show
profile WEB tag delete A;fail;E0104;17;profile WEB tag remove A
profile list;fail;E0104;9;profile show
profile create WEB;fail;E0104;9;profile add WEB
profile delete WEB;fail;E0104;9;profile remove WEB
allow tcp to port 80;fail;E0104;14;allow tcp to ports 80
allow tcp to dport 80;fail;E0104;14;allow tcp to ports 80
allow tcp to port=80;fail;E0104;14;allow tcp to ports 80
allow tcp to ports=80;fail;E0118;14;allow tcp to ports 80
allow tcp to ports:80;fail;E0118;14;allow tcp to ports 80
allow tcp port 80;fail;E0105;11;allow tcp to ports 80
allow tcp dport 80;fail;E0105;11;allow tcp to ports 80
allow tcp sport 80;fail;E0105;11;allow tcp from ports 80
allow tcp --dport 80;fail;E0165;11;allow tcp to ports 80
allow tcp --source 10.0.0.0/8;fail;E0104;11;allow tcp from 10.0.0.0/8
allow tcp sport 80 dport 90;fail;E0105,E0105;11;allow tcp from ports 80 to ports 90
allow from net 10.0.0.0/8;fail;E0104;12;allow from cidr 10.0.0.0/8
allow from subnet 10.0.0.0/8;fail;E0104;12;allow from cidr 10.0.0.0/8
allow from ip 10.0.0.1;fail;E0104;12;allow from cidr 10.0.0.1
allow from tag=A;fail;E0118;12;allow from tag A
allow from cidr=10.0.0.0/8;fail;E0118;12;allow from cidr 10.0.0.0/8
allow from=10.0.0.0/8;fail;E0118;7;allow from 10.0.0.0/8
allow src tag A;fail;E0104;7;allow from tag A
allow source 10.0.0.1;fail;E0104;7;allow from 10.0.0.1
allow dst tag A;fail;E0104;7;allow to tag A
allow from label A;fail;E0104;12;allow from tag A

# --- any ---
allow any;fail;E0117;7;allow
allow all;fail;E0117;7;allow
allow *;fail;E0117;7;allow
allow ip;fail;E0117;7;allow
allow ip from 10.0.0.1;fail;E0117;7;allow from 10.0.0.1
allow from any;fail;E0117;7;allow
allow to any;fail;E0117;7;allow
allow from any to any;fail;E0117,E0117;7;allow
allow tcp from any;fail;E0117;11;allow tcp
allow tcp from any to any;fail;E0117,E0117;11;allow tcp
allow tcp from any to ports 80;fail;E0117;11;allow tcp to ports 80
allow tcp from any port 80;fail;E0117,E0104;16;allow tcp from ports 80
allow tcp from any to any port 80;fail;E0117,E0117,E0104;11;allow tcp to ports 80
allow tcp any any;fail;E0117,E0117;11;allow tcp
allow from all to 10.0.0.0/8;fail;E0117;7;allow to 10.0.0.0/8
allow from anywhere;fail;E0117;7;allow
allow from * to *;fail;E0117,E0117;7;allow
allow from any tag A;fail;E0117;12;allow from tag A
profile WEB rule add inbound permit ip any any;fail;E0104,E0117,E0117,E0117;30;profile WEB rule add inbound allow
profile WEB rule add inbound permit tcp any any;fail;E0104,E0117,E0117;30;profile WEB rule add inbound allow tcp

# --- slips ---
profiel WEB rule show;fail;E0104;1;profile WEB rule show
profile WEB ruel show;fail;E0104;13;profile WEB rule show
profile WEB rule sohw;fail;E0104;18;profile WEB rule show
profile WEB rule shwo;fail;E0104;18;profile WEB rule show
profile shwo;fail;E0104;9;profile show
profile sh;fail;E0104;9;profile show
profile WEB rules show;fail;E0104;13;profile WEB rule show
profile WEB rules;fail;E0104;13;profile WEB rule show
profile WEB tags;fail;E0104;13;profile WEB tag show
profile WEB rule ad inbound allow;fail;E0104;18;profile WEB rule add inbound allow
profile WEB rule add inbond allow;fail;E0104;22;profile WEB rule add inbound allow
profile WEB rule add outbund allow;fail;E0104;22;profile WEB rule add outbound allow
profile WEB rule add inbound alow;fail;E0104;30;profile WEB rule add inbound allow
profile WEB rule add inbound allwo tcp;fail;E0104;30;profile WEB rule add inbound allow tcp
profile WEB rule add inbound dney;fail;E0104;30;profile WEB rule add inbound deny
profile WEB rule add inbound allow tpc;fail;E0104;36;profile WEB rule add inbound allow tcp
profile WEB rule add inbound allow upd;fail;E0104;36;profile WEB rule add inbound allow udp
profile WEB rule add inbound allow icpm;fail;E0104;36;profile WEB rule add inbound allow icmp
allow form tag A;fail;E0104;7;allow from tag A
allow frm tag A;fail;E0104;7;allow from tag A
allow from tga A;fail;E0104;12;allow from tag A
allow from tags A;fail;E0104;12;allow from tag A
allow from cdir 10.0.0.0/8;fail;E0104;12;allow from cidr 10.0.0.0/8
allow tcp to prots 80;fail;E0104;14;allow tcp to ports 80
allow tcp t ports 80;fail;E0104;11;allow tcp to ports 80
allow tcp too ports 80;fail;E0104;11;allow tcp to ports 80
allow icmp tpye 8;fail;E0104;12;allow icmp type 8
profile show --detail;fail;E0104;14;profile show --detailed
profile show --details;fail;E0104;14;profile show --detailed
profile show -detailed;fail;E0104;14;profile show --detailed
profile remove WEB --nocheck;fail;E0104;20;profile remove WEB --no-check
profile remove WEB --no-chek;fail;E0104;20;profile remove WEB --no-check
profile WEB rule updte;fail;E0104;18;profile WEB rule update
profile WEB rule jsno;fail;E0104;18;profile WEB rule json
profile WEB rule jso;fail;E0104;18;profile WEB rule json

# --- words left out ---
WEB rule show;fail;E0105;1;profile WEB rule show
calicoctl WEB rule show;fail;E0105;11;calicoctl profile WEB rule show
profile WEB json;fail;E0105;13;profile WEB rule json
profile WEB update;fail;E0105;13;profile WEB rule update
profile WEB show;fail;E0162;13;~
profile WEB add T;fail;E0105;13;profile WEB tag add T
profile WEB add inbound allow;fail;E0105;13;profile WEB rule add inbound allow
profile WEB remove inbound --at=1;fail;E0105;13;profile WEB rule remove inbound --at=1
profile WEB rule inbound allow;fail;E0101;18
profile WEB inbound allow;fail;E0101;13
allow from A;fail;E0105;12;allow from tag A
allow from A to B;fail;E0105,E0105;12;allow from tag A to tag B
allow tcp from A to 80;fail;E0105,E0105;16;allow tcp from tag A to ports 80
allow tcp to 80;fail;E0105;14;allow tcp to ports 80
allow tcp to 80,443;fail;E0105;14;allow tcp to ports 80,443
allow tag A;fail;E0105;7;allow from tag A
allow cidr 10.0.0.0/8;fail;E0105;7;allow from cidr 10.0.0.0/8
profile WEB rule add outbound allow tag A;fail;E0105;37;profile WEB rule add outbound allow to tag A
profile WEB rule add outbound allow tcp ports 80;fail;E0105;41;profile WEB rule add outbound allow tcp to ports 80
allow tcp from A;fail;E0105;16;allow tcp from tag A
allow icmp from A to 10.0.0.1;fail;E0105;17;allow icmp from tag A to 10.0.0.1

# --- two mistakes, one hint that mends both ---
profile WEB rule add inbound permit TCP to ports 80;fail;E0104,E0103;30;profile WEB rule add inbound allow tcp to ports 80
profile WEB rule add ingress accept tcp to port 80;fail;E0104,E0104,E0104;22;profile WEB rule add inbound allow tcp to ports 80
allow TCP to port 80, 443;fail;E0103,E0104,E0107;7;allow tcp to ports 80,443
allow tcp to port 443:80;fail;E0104,E0204;14;allow tcp to ports 80:443
allow tcp port 80 from any;fail;E0105,E0117;11;allow tcp to ports 80
allow tcp to 80 from A;fail;E0105,E0106,E0105;14;allow tcp from tag A to ports 80
profile WEB rule delete inbound permit;fail;E0104,E0104;18;profile WEB rule remove inbound allow
profile WEB RULE ADD inbound allow form tag A;fail;E0103,E0103,E0104;13;profile WEB rule add inbound allow from tag A
profile WEB rule add in permit udp dport 53;fail;E0104,E0104,E0105;22;profile WEB rule add inbound allow udp to ports 53
allow tcp to ports 080,443:80;fail;W0205,E0204;20;allow tcp to ports 80,80:443
allow tcp from 10.0.0.1/8 to ports 443:80;fail;W0202,E0204;16;allow tcp from 10.0.0.0/8 to ports 80:443
allow ICMP from fd00::/8;fail;E0103,E0210;7;allow icmpv6 from fd00::/8
allow icmp 8 from 10.1.2.3/8;fail;E0105,W0202;12;allow icmp type 8 from 10.1.2.3/8

# --- two mistakes, one of which nobody can mend ---
profile WEB rule add inbound permit tcp to ports 70000;fail;E0104,E0202;30
allow TCP to ports 0;fail;E0103,E0203;7
allow tcp to ports 70000,443:80;fail;E0202,E0204;20
allow icmp type 255 code 999;fail;E0213,E0212;17
allow from tag a!b cidr 10.0.0.0/33;fail;E0214,E0208;16

# --- nothing is near ---
profile WEB rule remove inbound all;fail;E0101;33
profile WEB rule add inbound all;fail;E0101;30
profile WEB rename DB;fail;E0162;13;~
allow ipv6 from ::1;fail;E0101;7
allow ipv4;fail;E0101;7
allow form;fail;E0101;7
allow from tag A too;fail;E0101;18
allow too from tag A;fail;E0101;7
allow tcp ssh;fail;E0162;11;~
profile help;fail;E0102;13
allow tcp,udp to ports 53;fail;E0163;7;~
allow http;fail;E0162;7;~
allow not from tag A;fail;E0160;7;~
allow from tag A or tag B;fail;E0101;18
allow from tag A and to tag B;fail;E0101;18
allow from tag !A;fail;E0160;16
allow from tag A,B;fail;E0163;16;~
allow from tag A, B;fail;E0163;16;~
allow from A,B;fail;E0163;12;~
allow from A, B;fail;E0163;12;~
profile WEB rule add inbound log;fail;E0161;30;~
profile WEB rule add inbound next-tier;fail;E0161;30;~
hello world;fail;E0101;1
rm -rf /;fail;E0101;1
