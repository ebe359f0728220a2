# The order of parts: another one is an error whose hint is the same statement in the usage's order.

allow to tag B from tag A;fail;E0106;16;allow from tag A to tag B
allow tcp to ports 80 from tag A;fail;E0106;23;allow tcp from tag A to ports 80
allow tcp to ports 80 from 10.0.0.0/8;fail;E0106;23;allow tcp from 10.0.0.0/8 to ports 80
allow tcp to 10.0.0.0/8 from tag A;fail;E0106;25;allow tcp from tag A to 10.0.0.0/8
allow tcp to ports 80 from;fail;E0106,W0201;23;allow tcp from to ports 80
allow from tag A tcp;fail;E0106;18;allow tcp from tag A
allow from tag A to tag B udp;fail;E0106;27;allow udp from tag A to tag B
allow to ports 80 tcp;fail;E0106;10;allow tcp to ports 80
allow tcp from tag A ports 80 to tag B;fail;E0106;22;allow tcp from ports 80 tag A to tag B
allow tcp from cidr 10.0.0.0/8 tag A ports 80;fail;E0106;32;allow tcp from ports 80 tag A cidr 10.0.0.0/8
allow tcp to tag A ports 80;fail;E0106;20;allow tcp to ports 80 tag A
allow tcp to cidr 10.0.0.0/8 ports 80;fail;E0106;30;allow tcp to ports 80 cidr 10.0.0.0/8
allow tcp to cidr 10.0.0.0/8 tag A;fail;E0106;30;allow tcp to tag A cidr 10.0.0.0/8
allow from cidr 10.0.0.0/8 tag A;fail;E0106;28;allow from tag A cidr 10.0.0.0/8
allow icmp from tag A type 8;fail;E0106;23;allow icmp type 8 from tag A
allow icmp from tag A type 8 code 0;fail;E0106;23;allow icmp type 8 code 0 from tag A
allow icmp code 0 type 8;fail;E0106;12;allow icmp type 8 code 0
allow icmp to tag B from tag A type 8;fail;E0106;21;allow icmp type 8 from tag A to tag B
allow icmp to tag B type 8 from tag A;fail;E0106;21;allow icmp type 8 from tag A to tag B
allow type 8 icmp;fail;E0106;7;allow icmp type 8
allow tcp to cidr 10.0.0.0/8 tag B ports 80 from cidr 10.1.0.0/16 tag A ports 90;fail;E0106;30;allow tcp from ports 90 tag A cidr 10.1.0.0/16 to ports 80 tag B cidr 10.0.0.0/8
profile WEB rule remove inbound allow to tag B from tag A;fail;E0106;48;profile WEB rule remove inbound allow from tag A to tag B

# --- the statement's own order ---
profile WEB rule add allow inbound;fail;E0106;22;profile WEB rule add inbound allow
profile WEB rule add allow inbound tcp to ports 80;fail;E0106;22;profile WEB rule add inbound allow tcp to ports 80
profile WEB rule add allow tcp inbound;fail;E0106;22;profile WEB rule add inbound allow tcp
profile WEB rule remove deny outbound udp;fail;E0106;25;profile WEB rule remove outbound deny udp
profile WEB rule add tcp inbound allow;fail;E0106;22;profile WEB rule add inbound allow tcp
profile WEB rule add inbound tcp allow;fail;E0106;30;profile WEB rule add inbound allow tcp
profile WEB rule add inbound tcp to ports 80 allow;fail;E0106;30;profile WEB rule add inbound allow tcp to ports 80
profile WEB rule add inbound tcp dport 80 accept;fail;E0104,E0106,E0105;43;profile WEB rule add inbound allow tcp to ports 80
profile WEB rule add inbound from tag WEB drop;fail;E0104,E0106;43;profile WEB rule add inbound deny from tag WEB
profile WEB rule add inbound from tag accept;fail;E0101;30
profile WEB rule add inbound from accept;fail;E0101;30
profile WEB rule add --at=1 allow inbound;fail;E0106;29;profile WEB rule add inbound --at=1 allow
profile WEB rule add allow --at=1 inbound tcp;fail;E0106;22;profile WEB rule add inbound --at=1 allow tcp
profile WEB rule add allow inbound to tag B from tag A;fail;E0106;22;profile WEB rule add inbound allow from tag A to tag B
profile WEB rule inbound add allow;fail;E0101;18
profile rule WEB add inbound allow;fail;E0106;14;profile WEB rule add inbound allow
profile trace WEB inbound;fail;E0106;15;profile WEB trace inbound
profile tag WEB show;fail;E0106;13;profile WEB tag show
profile expect WEB inbound allow tcp;fail;E0106;16;profile WEB expect inbound allow tcp
profile WEB add rule inbound allow;fail;E0106;13;profile WEB rule add inbound allow
profile WEB show tag;fail;E0106;13;profile WEB tag show
profile rule add WEB inbound allow;fail;E0101;14;~
rule add inbound allow;fail;E0101;1
profile tag add WEB T;fail;E0101;13;~
profile WEB T tag add;fail;E0101;13
profile WEB add;fail;E0101;13
profile WEB remove;fail;E0101;13

# --- two of a kind cannot be put in order ---
allow from tag A from tag B;fail;E0101;18
allow from tag A tag B;fail;E0101;18
allow tcp udp to ports 53;fail;E0101;11
allow to tag B from tag A to tag C;fail;E0101;16
allow deny;fail;E0101;7
profile WEB rule add inbound outbound allow;fail;E0101;30
profile WEB expect allow inbound;fail;E0106;20;profile WEB expect inbound allow
profile WEB expect deny outbound tcp to ports 22;fail;E0106;20;profile WEB expect outbound deny tcp to ports 22
profile --all expect deny inbound;fail;E0106;22;profile --all expect inbound deny
profile WEB expect inbound deny to tag B from tag A;fail;E0106;42;profile WEB expect inbound deny from tag A to tag B

# --- a variable of a shell that is unset ---
allow tcp from tag to ports 80;fail;E0101;20
allow tcp from tag to tag B ports 80;fail;E0101;20
allow tcp to tag ports 80;fail;E0101;18
allow tcp from cidr to ports 80;fail;E0101;21
profile rule add inbound allow tcp;fail;E0101;14;~
profile rule remove inbound --at=1;fail;E0101;14;~
profile rule show;fail;E0101;14;~
profile tag add WEB;fail;E0101;13;~
profile tag show;fail;E0101;13;~
profile expect inbound deny tcp;fail;E0101;16;~
profile trace inbound;fail;E0101;15;~
