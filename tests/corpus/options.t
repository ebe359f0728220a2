# The options of statements: their places, their values, and saying them twice.

profile WEB rule add inbound --at=1 allow;ok;profile WEB rule add inbound --at=1 allow
profile WEB rule add inbound --at 1 allow;ok;profile WEB rule add inbound --at=1 allow
profile WEB rule add --at=1 inbound allow;ok;profile WEB rule add inbound --at=1 allow
profile WEB rule add --at 1 inbound allow;ok;profile WEB rule add inbound --at=1 allow
profile WEB rule add inbound allow --at=1;ok;profile WEB rule add inbound --at=1 allow
profile WEB rule add inbound allow --at 1;ok;profile WEB rule add inbound --at=1 allow
profile WEB rule add inbound allow tcp to ports 80 --at=1;ok;profile WEB rule add inbound --at=1 allow tcp to ports 80
profile WEB rule add inbound allow from tag A --at 1;ok;profile WEB rule add inbound --at=1 allow from tag A
profile WEB rule add inbound --at=0 allow from 192.168.0.0/16;ok;profile WEB rule add inbound --at=0 allow from cidr 192.168.0.0/16
profile WEB rule add inbound --at=007 allow;ok;profile WEB rule add inbound --at=7 allow
profile WEB rule add inbound --at=999999999 allow;ok;profile WEB rule add inbound --at=999999999 allow
profile WEB rule add inbound --at='1' allow;ok;profile WEB rule add inbound --at=1 allow
profile WEB rule add inbound --at '1' allow;ok;profile WEB rule add inbound --at=1 allow
profile WEB rule remove inbound --at=1;ok;profile WEB rule remove inbound --at=1
profile WEB rule remove inbound --at 1;ok;profile WEB rule remove inbound --at=1
profile WEB rule remove --at=1 inbound;ok;profile WEB rule remove inbound --at=1
profile WEB rule remove outbound --at=2;ok;profile WEB rule remove outbound --at=2
profile WEB rule remove inbound --at=0;ok;profile WEB rule remove inbound --at=0

# --- not a position ---
profile WEB rule add inbound --at=-1 allow;fail;E0218;35
profile WEB rule add inbound --at=+1 allow;fail;E0218;35
profile WEB rule add inbound --at=1.0 allow;fail;E0218;35
profile WEB rule add inbound --at=1,2 allow;fail;E0218;35
profile WEB rule add inbound --at=first allow;fail;E0218;35
profile WEB rule add inbound --at=1000000000 allow;fail;E0218;35
profile WEB rule add inbound --at=\u0661 allow;fail;E0218;35
profile WEB rule add inbound --at= allow;fail;E0218;35
profile WEB rule add inbound --at==1 allow;fail;E0218;35
profile WEB rule add inbound --at allow;fail;E0101;35
profile WEB rule add inbound --at;fail;E0102;34
profile WEB rule add --at inbound allow;fail;E0101;27
profile WEB rule add inbound --at '' allow;fail;E0218;35
profile WEB rule remove inbound --at=x;fail;E0218;38
profile WEB rule remove inbound --at;fail;E0102;37
profile WEB rule remove inbound --at=;fail;E0218;38

# --- twice ---
profile WEB rule add inbound --at=1 allow --at=2;fail;E0116;48
profile WEB rule add inbound --at=1 --at=2 allow;fail;E0116;37
profile WEB rule add --at=1 inbound --at=1 allow;fail;E0116;42
profile WEB rule add inbound allow tcp to ports 80 --at 1 --at 2;fail;E0116;59
profile WEB rule remove inbound --at=1 --at=2;fail;E0116;40
profile show --detailed --detailed;fail;E0116;25
profile --detailed show --detailed;fail;E0116;25
profile remove WEB --no-check --no-check;fail;E0116;31
profile --no-check remove --no-check WEB;fail;E0116;27
profile --no-check remove WEB --no-check;fail;E0116;31

# --- the option without its dashes, or its name ---
profile WEB rule remove inbound 1;fail;E0105;33;profile WEB rule remove inbound --at=1
profile WEB rule remove 1 inbound;fail;E0105;25;profile WEB rule remove --at=1 inbound
profile WEB rule add inbound 1 allow;fail;E0105;30;profile WEB rule add inbound --at=1 allow
profile WEB rule add inbound at 1 allow;fail;E0104;30;profile WEB rule add inbound --at 1 allow
profile WEB rule add inbound at=1 allow;fail;E0104;30;profile WEB rule add inbound --at=1 allow
profile WEB rule add inbound -at=1 allow;fail;E0104;30;profile WEB rule add inbound --at=1 allow
profile WEB rule add inbound --position=1 allow;fail;E0104;30;profile WEB rule add inbound --at=1 allow
profile WEB rule add inbound --index 1 allow;fail;E0104;30;profile WEB rule add inbound --at 1 allow
profile WEB rule add inbound --AT=1 allow;fail;E0103;30;profile WEB rule add inbound --at=1 allow
profile WEB rule remove inbound --At 1;fail;E0103;33;profile WEB rule remove inbound --at 1

# --- out of place ---
profile WEB --at=1 rule add inbound allow;ok;profile WEB rule add inbound --at=1 allow
profile WEB rule --at=1 add inbound allow;ok;profile WEB rule add inbound --at=1 allow
--at=1 profile WEB rule add inbound allow;ok;profile WEB rule add inbound --at=1 allow
profile WEB rule remove inbound --at=1 allow;fail;E0101;40
profile WEB rule remove inbound allow --at=1;fail;E0101;39
profile WEB rule show --at=1;fail;E0101;23
profile WEB rule show --detailed;fail;E0101;23
profile WEB tag add A --no-check;fail;E0101;23
profile add WEB --no-check;fail;E0101;17
profile add --no-check WEB;fail;E0101;13
profile show --no-check;fail;E0101;14
profile WEB rule add inbound allow tcp --to 80;fail;E0104,E0105;40;profile WEB rule add inbound allow tcp to ports 80
profile WEB rule add inbound allow tcp --dport 80;fail;E0165;40;profile WEB rule add inbound allow tcp to ports 80
