# White space, comments, line ends and letters that are not what they seem.

\u0020\u0020profile show\u0020\u0020;ok;profile show
profile\tshow;ok;profile show
profile \t WEB\t\trule   show;ok;profile WEB rule show
\tallow;ok;allow
allow\u0020;ok;allow
allow  tcp   to    ports     80;ok;allow tcp to ports 80

# --- odd spaces ---
profile\u00a0show;fail;E0112;8;profile show
profile WEB\u00a0rule show;fail;E0112;12;profile WEB rule show
profile WEB rule add inbound allow\u2003tcp;fail;E0112;35;profile WEB rule add inbound allow tcp
profile WEB rule add inbound allow\u3000tcp to\u00a0ports 80;fail;E0112,E0112;35;profile WEB rule add inbound allow tcp to ports 80
allow tcp\u00a0to\u00a0ports\u00a080;fail;E0112,E0112,E0112;10;allow tcp to ports 80
allow from\u202ftag A;fail;E0112;11;allow from tag A
profile show\u00a0;fail;E0112;13;profile show
\u00a0profile show;fail;E0112;1;profile show
profile\u000bshow;fail;E0112;8;profile show
profile\u000cshow;fail;E0112;8;profile show
profile\u0085show;fail;E0112;8;profile show
profile\u2028show;fail;E0112;8;profile show
profile\u001fshow;fail;E0112;8;profile show
allow TCP\u00a0to ports 80;fail;E0112,E0103;10;allow tcp to ports 80

# --- what is no space ---
profile\u200bshow;fail;E0118,E0104;1;profile show
profile\u200b show;fail;E0104;1;profile show
profile \u200bshow;fail;E0104;9;profile show
profile\ufeff show;fail;E0104;1;profile show
\ufeffprofile show;fail;E0104;1;profile show
profile WEB\u200b rule show;fail;E0214;9;profile WEB rule show
profile "WEB\u200b" rule show;ok;profile "WEB\\u200b" rule show
profile add WEB\u200b;fail;E0214;13;profile add WEB
profile add WEB\u202e;fail;E0214;13
profile add \u0000;fail;E0214;13
profile add WEB\u0000;fail;E0214;13
profile \u0000 rule show;fail;E0217;9
profile \ud800 rule show;fail;E0217;9
profile WEB tag remove \udcff;fail;E0214;24
profile WEB tag remove a\u0000b;fail;E0214;24
profile WEB tag remove "\\u0000";fail;E0214;24
profile "\\ud800" rule show;fail;E0217;9

# --- letters of other alphabets ---
profile add \u0416;fail;E0214;13
profile \u0416 rule show;fail;E0214;9
profile '\u0416' rule show;ok;profile '\u0416' rule show
profile add \uff37\uff25\uff22;fail;E0214;13
allow from tag caf\u00e9;fail;E0214;16
allow tcp to ports \uff18\uff10;fail;E0201;20
allow from cidr 10.0.0.\uff11;fail;E0207;17
\u0430llow;fail;E0101;1
profile WEB rule add inbound \u0430llow;fail;E0104;30;profile WEB rule add inbound allow
allow tcp to p\u043erts 80;fail;E0104;14;allow tcp to ports 80
\U0001f525;fail;E0101;1
profile \U0001f525 rule show;fail;E0214;9
allow from tag "\\ud83d\\udd25";fail;E0214;16

# --- typographic quotes and dashes ---
allow from tag \u201cA\u201d;fail;E0214;16;allow from tag A
allow from tag \u2018A\u2019;fail;E0214;16;allow from tag A
profile WEB rule add inbound \u2014at=1 allow;fail;E0159;30;profile WEB rule add inbound --at=1 allow
profile WEB rule add inbound \u2013at=1 allow;fail;E0159;30;profile WEB rule add inbound --at=1 allow

# --- what belongs to scripts and shells means nothing here ---
profile show # all of them;fail;E0101;14
profile show\; profile show;fail;E0170;15;~
profile WEB rule update < rules.json;fail;E0101;25
profile WEB rule update <<EOF;fail;E0101;25
profile ${P} rule show;fail;E0214;9
profile '${P}' rule show;ok;profile '${P}' rule show
profile $P rule show;fail;E0214;9
profile # rule show;fail;E0214;9
profile add #;fail;E0214;13
allow tcp to ports ${PORTS};fail;E0201;20
allow from tag ${TAG};fail;E0214;16
profile show | less;fail;E0101;14
profile show &;fail;E0101;14
\\;fail;E0101;1
profile show \\;fail;E0101;14
{;fail;E0101;1
};fail;E0101;1
profile WEB {;fail;E0101;13
$ calicoctl profile show;fail;E0101;1
calicoctl;fail;E0102;10
calicoctl calicoctl profile show;fail;E0101;11
/usr/bin/calicoctl profile show;fail;E0101;1

# --- nothing at all ---
;fail;E0102;1
\u0020;fail;E0102;1
\t;fail;E0102;1
\u00a0;fail;E0101;1
