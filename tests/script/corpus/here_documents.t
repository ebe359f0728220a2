`rule update` in scripts: here-documents and files.

=== a here-document
profile WEB rule update <<EOF
{"inbound_rules": [], "outbound_rules": []}
EOF
profile add A
---
profile WEB rule update <<'EOF'
{"inbound_rules": [], "outbound_rules": []}
EOF
profile add A

=== its delimiter in quotes
profile WEB rule update <<'EOF'
{"inbound_rules": [], "outbound_rules": []}
EOF
profile WEB rule update <<"END"
{"inbound_rules": [], "outbound_rules": []}
END
---
profile WEB rule update <<'EOF'
{"inbound_rules": [], "outbound_rules": []}
EOF
profile WEB rule update <<'END'
{"inbound_rules": [], "outbound_rules": []}
END

=== its delimiter with a quote, a backslash or a dash in it
profile WEB rule update <<'E"'
{"inbound_rules": [], "outbound_rules": []}
E"
profile WEB rule update <<"E\q'"
{"inbound_rules": [], "outbound_rules": []}
E\q'
profile WEB rule update << -E
{"inbound_rules": [], "outbound_rules": []}
-E
---
profile WEB rule update <<'E"'
{"inbound_rules": [], "outbound_rules": []}
E"
profile WEB rule update <<"E\q'"
{"inbound_rules": [], "outbound_rules": []}
E\q'
profile WEB rule update <<'-E'
{"inbound_rules": [], "outbound_rules": []}
-E

=== its delimiter behind a space
profile WEB rule update << EOF
{"inbound_rules": [], "outbound_rules": []}
EOF
---
profile WEB rule update <<'EOF'
{"inbound_rules": [], "outbound_rules": []}
EOF

=== with tabs before its end
profile WEB rule update <<-EOF
«tab»{"inbound_rules": [], "outbound_rules": []}
«tab»«tab»EOF
profile add A
---
profile WEB rule update <<'EOF'
«tab»{"inbound_rules": [], "outbound_rules": []}
EOF
profile add A

=== tabs before an end that takes none
profile WEB rule update <<EOF
{"inbound_rules": [], "outbound_rules": []}
«tab»EOF
---
! 1:25 E0119

=== spaces before its end
profile WEB rule update <<-EOF
{"inbound_rules": [], "outbound_rules": []}
    EOF
EOF
---
! 3:5 E0303

=== with CRLF
profile WEB rule update <<EOF«cr»
{"inbound_rules": [], "outbound_rules": []}«cr»
EOF«cr»
profile add A«cr»
---
profile WEB rule update <<'EOF'
{"inbound_rules": [], "outbound_rules": []}«cr»
EOF
profile add A

=== ended by the last line without a line break
profile WEB rule update <<EOF
{"inbound_rules": [], "outbound_rules": []}
EOF«cut»
---
profile WEB rule update <<'EOF'
{"inbound_rules": [], "outbound_rules": []}
EOF

=== behind a comment and a continuation
profile WEB rule update \
  <<EOF # the rules
{"inbound_rules": [], "outbound_rules": []}
EOF
---
profile WEB rule update <<'EOF'
{"inbound_rules": [], "outbound_rules": []}
EOF

=== nothing in it is a comment, a quote or a continuation
profile WEB rule update <<EOF
{"inbound_rules": [{"action": "log", "log_prefix": "# it's"}],
 "outbound_rules": [] }
EOF
---
profile WEB rule update <<'EOF'
{"inbound_rules": [{"action": "log", "log_prefix": "# it's"}],
 "outbound_rules": [] }
EOF

=== two, one behind the other
profile A rule update <<EOF
{"inbound_rules": [], "outbound_rules": []}
EOF
profile B rule update <<EOF
{"inbound_rules": [], "outbound_rules": []}
EOF
---
profile A rule update <<'EOF'
{"inbound_rules": [], "outbound_rules": []}
EOF
profile B rule update <<'EOF'
{"inbound_rules": [], "outbound_rules": []}
EOF

=== errors are pointed at in the script's own lines
profile add WEB

profile WEB rule update <<EOF
{
  "inbound_rules": [
    {"action": "alow"},
    {"action": "allow", "dst_ports": [80]}
  ],
  "outbound_rules": []
}
EOF
profile add A
---
profile add WEB
profile add A
! 6:16 E0317
! 7:25 E0324

=== text that is no JSON
profile WEB rule update <<EOF
{"inbound_rules": [
   oops
EOF
---
! 3:4 E0302

=== nothing in it
profile WEB rule update <<EOF
EOF
---
! 2:1 E0301

=== without its end
profile add A
profile WEB rule update <<EOF
{"inbound_rules": [], "outbound_rules": []}
profile add B
---
profile add A
! 2:25 E0119

=== with another end
profile WEB rule update <<'EOF'
{"inbound_rules": [], "outbound_rules": []}
'EOF'
---
! 1:25 E0119

=== without a delimiter
profile WEB rule update <<
profile add A
---
profile add A
! 1:25 E0101

=== behind a statement that takes none
profile WEB rule show <<EOF
profile add B
EOF
profile add A
---
profile add A
! 1:23 E0101

=== a wrong statement takes its body with it
profile WEB rule updte <<EOF
{"inbound_rules": [], "outbound_rules": []}
EOF
profile add A
---
profile add A
! 1:18 E0104

=== where the JSON is must be said
profile WEB rule update
profile add A
---
profile add A
! 1:1 E0123

=== a file
profile WEB rule update < rules.json
profile WEB rule update <rules.json # x
profile WEB rule update < 'a folder/rules.json'
---
profile WEB rule update < rules.json
profile WEB rule update < rules.json
profile WEB rule update < 'a folder/rules.json'

=== a file that is not there
profile WEB rule update < none.json
profile add A
---
profile add A
! 1:27 E0626

=== a file with errors is pointed into
profile WEB rule update < bad.json
profile add A
---
profile add A
! bad.json:2:40 E0324
! bad.json:3:22 E0313

=== no file
profile WEB rule update <
---
! 1:25 E0101

=== two files
profile WEB rule update < rules.json rules.json
---
! 1:38 E0101

=== warnings about a document
profile WEB rule update <<EOF
{"id": "WEB",
 "inbound_rules": [{"action": "allow",
                    "src_net": "10.0.0.1/8"}], "outbound_rules": []}
EOF
---
profile WEB rule update <<'EOF'
{"id": "WEB",
 "inbound_rules": [{"action": "allow",
                    "src_net": "10.0.0.1/8"}], "outbound_rules": []}
EOF
? 4:32 W0302
