# Words of other tools: a corrected statement only if it means exactly the same, otherwise advice in words.

# --- negation ---
allow from not cidr 10.0.0.0/8;fail;E0160;12;~
allow from !cidr 10.0.0.0/8;fail;E0160;12;~
allow from ! 10.0.0.0/8;fail;E0160;12;~
allow from !10.0.0.0/8;fail;E0160;12;~
allow from except 10.0.0.0/8;fail;E0160;12;~
allow from not tag WEB;fail;E0160;12;~
allow from tag !WEB;fail;E0160;16
allow to not tag WEB;fail;E0160;10;~
allow tcp to not ports 22;fail;E0160;14;~
allow tcp to ports !22;fail;E0160;20
allow tcp to ! ports 22;fail;E0160;14;~
allow tcp from != 10.0.0.1;fail;E0160;16;~
deny !tcp;fail;E0160;6;~
deny not tcp;fail;E0160;6;~
deny icmp not type 8;fail;E0160;11;~
deny from tag WEB but 10.0.0.0/8;fail;E0160;19;~
allow from tag not;ok;allow from tag not

# --- words for addresses ---
allow from host 10.0.0.1;fail;E0104;12;allow from cidr 10.0.0.1
allow from addr 10.0.0.1;fail;E0104;12;allow from cidr 10.0.0.1
allow from address 10.0.0.1;fail;E0104;12;allow from cidr 10.0.0.1
allow from source 10.0.0.1;fail;E0162;12;allow from 10.0.0.1
allow from src 10.0.0.1;fail;E0162;12;allow from 10.0.0.1
allow from host web1;fail;E0162;12;~
allow from addr WEB;fail;E0162;12;~
allow from net WEB;fail;E0101;12
allow from group WEB;fail;E0162;12;~
allow from example.com;fail;E0162;12;~
allow from localhost;fail;E0162;12;~
allow from everyone;fail;E0101;12
allow tcp to internet;fail;E0101;14
allow tcp to ports 22 log;fail;E0101;23
allow tcp to ports 22 counter;fail;E0101;23
allow to www.example.com.;fail;E0162;10;~
allow from $SRC;fail;E0164;12;~
allow from ${SRC};fail;E0140;12
allow from '"10.0.0.0/8"';fail;E0101;12
allow from "10.0.0.0/8";fail;E0105;12;allow from cidr "10.0.0.0/8"
allow from 10.0.0.1-10.0.0.9;fail;E0220;12
allow from 10.0.0.*;fail;E0207;12;allow from cidr 10.0.0.0/24
allow from 10.*;fail;E0207;12;allow from cidr 10.0.0.0/8
allow from cidr 10.0.*.*;fail;E0207;17;allow from cidr 10.0.0.0/16
allow from 010.0.0.1;fail;E0221;12
allow from 10.0.0.0/8,192.168.0.0/16;fail;E0163;12;~

# --- protocols and ports ---
deny 53/udp;fail;E0166;6;deny udp to ports 53
allow 8000:8080/tcp;fail;E0166;7;allow tcp to ports 8000:8080
allow udp/53,5353;fail;E0166;7;allow udp to ports 53,5353
allow from 10.0.0.0/8 to any port 22 proto tcp;fail;E0117,E0162,E0106;26;allow tcp from 10.0.0.0/8 to ports 22
allow from tag proto tcp;fail;E0106;22;allow tcp from tag proto
allow from proto;fail;E0101;12
allow protocol tcp dport 80;fail;E0162,E0105;7;allow tcp to ports 80
allow tcp dst-port 80;fail;E0105;11;allow tcp to ports 80
allow tcp from dport 80;fail;E0105,W0201;16;allow tcp from to ports 80
allow tcp to sport 80;fail;E0101;14
allow tcp from sport 80;fail;E0104;16;allow tcp from ports 80
allow tcp src-port 80;fail;E0105;11;allow tcp from ports 80
allow tcp source-port 80;fail;E0105;11;allow tcp from ports 80
allow tcp,udp;fail;E0163;7;~
allow tcp/udp to ports 53;fail;E0163;7;~
allow ssh;fail;E0162;7;~
allow dns;fail;E0162;7;~
deny to ports 53;fail;E0110;9;~
allow tcp to ports 1024:;fail;E0201;20;allow tcp to ports 1024:65535
allow tcp to ports 1024-;fail;E0201;20;allow tcp to ports 1024:65535
allow tcp to ports :1023;fail;E0201;20
allow tcp to ports any;fail;E0117;20
allow established;fail;E0162;7;~

# --- other actions, other statements ---
profile WEB rule add inbound pass;fail;E0161;30;~
profile WEB rule add inbound next-tier from tag A;fail;E0161;30;~
profile WEB rule add inbound --at=1 log;fail;E0161;37;~
profile WEB rule move inbound 1 2;fail;E0162;18;~
profile WEB rule set inbound;fail;E0162;18;~
profile WEB rule clear;fail;E0162;18;~
profile rename WEB DB;fail;E0162;9;~
profile WEB list;fail;E0162;13;~
profile WEB ls;fail;E0162;13;~

# --- iptables ---
profile WEB rule add inbound -p tcp --dport 80 -j ACCEPT;fail;E0165;30;profile WEB rule add inbound allow tcp to ports 80
profile WEB rule add inbound -p tcp -s 10.0.0.0/8 --dport 80 -j DROP;fail;E0165;30;profile WEB rule add inbound deny tcp from cidr 10.0.0.0/8 to ports 80
profile WEB rule add inbound -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT;fail;E0165;30;profile WEB rule add inbound allow tcp to ports 22
profile WEB rule add outbound -d 10.0.0.1 -j REJECT;fail;E0165;31;profile WEB rule add outbound deny to cidr 10.0.0.1
profile WEB rule add inbound -p icmp --icmp-type 8 -j ACCEPT;fail;E0165;30;profile WEB rule add inbound allow icmp type 8
profile WEB rule add inbound -p tcp ! -s 10.0.0.0/8 -j ACCEPT;fail;E0165;30
profile WEB rule add inbound allow -p tcp --dport 80;fail;E0165;36;profile WEB rule add inbound allow tcp to ports 80
profile WEB rule add inbound allow tcp --dport 1024:;fail;E0165;40;profile WEB rule add inbound allow tcp to ports 1024:65535
profile WEB rule add inbound allow -p tcp --dport 80 -j DROP;fail;E0165;36
profile WEB rule add inbound allow udp -s 10.0.0.0/8 --dport 53;fail;E0165;40;profile WEB rule add inbound allow udp from cidr 10.0.0.0/8 to ports 53
profile WEB rule add inbound -p tcp --dport 80 -m state --state NEW -j ACCEPT;fail;E0165;30;profile WEB rule add inbound allow tcp to ports 80
profile WEB rule add inbound -m state --state ESTABLISHED,RELATED -j ACCEPT;fail;E0165;30;~

# --- the end of a statement in other languages ---
profile WEB tag add A\;;fail;E0214;21;profile WEB tag add A
allow tcp to ports 22\;;fail;E0201;20;allow tcp to ports 22
allow tcp to ports 22,80\;;fail;E0201;23;allow tcp to ports 22,80
allow from 10.0.0.0/8\;;fail;E0207;12;allow from 10.0.0.0/8
allow icmp type 8\;;fail;E0211;17;allow icmp type 8
allow from tag A\;;fail;E0214;16;allow from tag A

# --- a rule put before all others ---
profile WEB rule insert inbound deny from tag A;fail;E0104;18;profile WEB rule add inbound --at=1 deny from tag A
profile WEB rule prepend outbound allow tcp;fail;E0104;18;profile WEB rule add outbound --at=1 allow tcp
profile WEB rule insert inbound 3 deny tcp;fail;E0104,E0105;18;profile WEB rule add inbound --at=3 deny tcp
profile WEB rule insert inbound --at=3 deny tcp;fail;E0104;18;profile WEB rule add inbound --at=3 deny tcp
profile WEB rule insert input deny tcp;fail;E0104,E0104;18;profile WEB rule add inbound --at=1 deny tcp
-I INPUT -s 10.0.0.0/8 -j DROP;fail;E0165;1;~
profile WEB rule add inbound -I INPUT -s 10.0.0.0/8 -j DROP;fail;E0165;30;profile WEB rule add inbound --at=1 deny from cidr 10.0.0.0/8
profile WEB rule add inbound -I INPUT 3 -s 10.0.0.0/8 -j DROP;fail;E0165;30;profile WEB rule add inbound --at=3 deny from cidr 10.0.0.0/8
profile WEB rule add outbound -I INPUT -s 10.0.0.0/8 -j DROP;fail;E0165;31;~
profile WEB rule add inbound -A OUTPUT -p tcp -j DROP;fail;E0165;30;~
