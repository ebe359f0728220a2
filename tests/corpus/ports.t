# Port lists: what they may hold, and how they print.

allow tcp to ports 80;ok;allow tcp to ports 80
allow tcp to ports 65535;ok;allow tcp to ports 65535
allow tcp to ports 80,443;ok;allow tcp to ports 80,443
allow tcp to ports 443,80;ok;allow tcp to ports 443,80
allow tcp to ports 80,80;ok;allow tcp to ports 80,80
allow tcp to ports 8000:8080;ok;allow tcp to ports 8000:8080
allow tcp to ports 8000-8080;ok;allow tcp to ports 8000:8080
allow tcp to ports 1:65535;ok;allow tcp to ports 1:65535
allow tcp to ports 80:80;ok;allow tcp to ports 80
allow tcp to ports 80-80;ok;allow tcp to ports 80
allow tcp to ports 80,443,8000-8080,9000:9010;ok;allow tcp to ports 80,443,8000:8080,9000:9010
allow tcp to ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17;ok;allow tcp to ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17
allow udp from ports 53 to ports 53;ok;allow udp from ports 53 to ports 53
deny udp to ports 80:81,80;ok;deny udp to ports 80:81,80
allow tcp to ports "80,443";ok;allow tcp to ports 80,443

# --- out of range ---
allow tcp to ports 0;fail;E0203;20
allow tcp to ports 65536;fail;E0202;20
allow tcp to ports 99999;fail;E0202;20
allow tcp to ports 99999999999999999999;fail;E0202;20
allow tcp to ports 0:80;fail;E0203;20
allow tcp to ports 0-65535;fail;E0203;20
allow tcp to ports 1:65536;fail;E0202;22
allow tcp to ports 80,0;fail;E0203;23
allow tcp to ports 80,70000,0;fail;E0202,E0203;23
allow tcp from ports 0 to ports 0;fail;E0203,E0203;22

# --- not ports ---
allow tcp to ports web!;fail;E0201;20
allow tcp to ports *;fail;E0117;20
allow tcp to ports all;fail;E0117;20
allow tcp to ports 80.5;fail;E0201;20
allow tcp to ports +80;fail;E0201;20
allow tcp to ports -80;fail;E0201;20
allow tcp to ports 80-;fail;E0201;20;allow tcp to ports 80:65535
allow tcp to ports :80;fail;E0201;20
allow tcp to ports 80:;fail;E0201;20;allow tcp to ports 80:65535
allow tcp to ports 80..90;fail;E0201;20;allow tcp to ports 80:90
allow tcp to ports 80:90:100;fail;E0201;20
allow tcp to ports 80-90-100;fail;E0201;20
allow tcp to ports 80::90;fail;E0201;20
allow tcp to ports 80/tcp;fail;E0201;20
allow tcp to ports [80,443];fail;E0152;20;allow tcp to ports 80,443
allow tcp to ports {80,443:450};fail;E0152;20;allow tcp to ports 80,443:450
allow tcp to ports [80,443;fail;E0201;20;allow tcp to ports 80,443
allow tcp to ports [80,x];fail;E0201,E0201;20
allow tcp to ports 80\u2026443;fail;E0201;20;allow tcp to ports 80:443
allow tcp to ports 80\u200b;fail;E0201;20;allow tcp to ports 80
allow tcp to ports 0x50;fail;E0201;20
allow tcp to ports 1e3;fail;E0201;20
allow tcp to ports \u0661;fail;E0201;20
allow tcp to ports 80\;443;fail;E0201;20
allow tcp to ports 80|443;fail;E0201;20
allow tcp to ports '';fail;E0205;20
allow tcp to ports '80 443';fail;E0201;20
allow tcp to ports '80, 443';fail;E0201;20
allow tcp to ports 80\u2013443;fail;E0201;20;allow tcp to ports 80-443

# --- services by name ---
allow tcp to ports ssh;fail;E0201;20;allow tcp to ports 22
allow tcp to ports ssh,http;fail;E0201,E0201;20;allow tcp to ports 22,80
allow tcp to ports ssh:80;fail;E0201;20;allow tcp to ports 22:80

# --- leading zeros ---
allow tcp to ports 080;warn;allow tcp to ports 80;W0205
allow tcp to ports 00;fail;E0203;20
allow tcp to ports 010:020;warn;allow tcp to ports 10:20;W0205,W0205
allow tcp to ports 080,443;warn;allow tcp to ports 80,443;W0205
allow tcp to ports 443,0080-0090;warn;allow tcp to ports 443,80:90;W0205,W0205

# --- reversed ---
allow tcp to ports 443:80;fail;E0204;20;allow tcp to ports 80:443
allow tcp to ports 81:80;fail;E0204;20;allow tcp to ports 80:81
allow tcp to ports 443-80;fail;E0204;20;allow tcp to ports 80:443
allow tcp to ports 22,443:80;fail;E0204;23;allow tcp to ports 22,80:443
allow tcp to ports 22,443:80,9:1;fail;E0204,E0204;23;allow tcp to ports 22,80:443,1:9

# --- empty items ---
allow tcp to ports ,;fail;E0205;20
allow tcp to ports 80,;fail;E0205;20;allow tcp to ports 80
allow tcp to ports ,80;fail;E0205;20;allow tcp to ports 80
allow tcp to ports 80,,443;fail;E0205;20;allow tcp to ports 80,443
allow tcp to ports 80,,,443,;fail;E0205;20;allow tcp to ports 80,443
allow tcp to ports 80,,0;fail;E0205,E0203;20

# --- spaces ---
allow tcp to ports 80, 443;fail;E0107;20;allow tcp to ports 80,443
allow tcp to ports 80 443;fail;E0107;20;allow tcp to ports 80,443
allow tcp to ports 80 ,443;fail;E0107;20;allow tcp to ports 80,443
allow tcp to ports 80 , 443;fail;E0107;20;allow tcp to ports 80,443
allow tcp to ports 80, 443, 8080;fail;E0107;20;allow tcp to ports 80,443,8080
allow tcp to ports 8000 - 8080;fail;E0107;20;allow tcp to ports 8000-8080
allow tcp to ports 8000 : 8080;fail;E0107;20;allow tcp to ports 8000:8080
allow tcp to ports 80, 443 tag A;fail;E0107;20;allow tcp to ports 80,443 tag A
allow tcp from ports 1, 2 to ports 3, 4;fail;E0107,E0107;22;allow tcp from ports 1,2 to ports 3,4
allow tcp to ports 80, 70000;fail;E0107,E0202;20
allow tcp to ports 80 http;fail;E0105;23;allow tcp to ports 80 tag http

# --- where ports cannot stand ---
allow to ports 80;fail;E0110;10;~
allow from ports 80;fail;E0110;12;~
allow from ports 80 to ports 90;fail;E0110;12;~
allow ports 80;fail;E0110;7;~
allow icmp to ports 80;fail;E0110;15
allow icmpv6 from ports 80;fail;E0110;19
allow from tag A to ports 80;fail;E0110;21;~
allow from 10.0.0.0/8 port 80;fail;E0110;23;~
allow tcp 80;fail;E0105;11;allow tcp to ports 80
allow tcp 80,443;fail;E0105;11;allow tcp to ports 80,443
allow udp to 53;fail;E0105;14;allow udp to ports 53
allow tcp from tag A ports 80;fail;E0101;22;~
allow tcp from tag A port 80;fail;E0101;22;~
allow tcp from 10.0.0.0/8 ports 80;fail;E0105;27;allow tcp from 10.0.0.0/8 to ports 80
allow tcp to tag A port 80;fail;E0106;20;allow tcp to ports 80 tag A
allow tcp to 10.0.0.0/8 port 80;fail;E0106;25;allow tcp to ports 80 cidr 10.0.0.0/8
allow 80;fail;E0110;7;~
