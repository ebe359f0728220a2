Words of other languages, and files of other formats.

=== tags with a sign
profile A {
  tags = WEB
  inbound {}
  outbound {}
}
profile B {
  tags: WEB, DB
  inbound {}
  outbound {}
}
---
! 2:8 E0168
! 7:3 E0168

=== tags without commas
profile A {
  tags WEB DB
  inbound {}
  outbound {}
}
---
! 2:12 E0105

=== blocks on one line
profile A { tags A }
profile B {
  tags
  inbound { allow }
  outbound {allow}
}
---
! 1:13 E0158
! 4:13 E0158
! 5:12 E0158

=== rules with the numbers of a listing
profile A {
  tags
  inbound {
    1 allow from tag WEB
    2. deny
  }
  outbound {}
}
---
! 4:5 E0167
! 5:5 E0167

=== a list of ports with a variable and blanks
define P = 80
profile A rule add inbound allow tcp to ports ${P}, 8080
profile A rule add inbound allow tcp to ports ${P} 22
---
! 2:47 E0107
! 3:47 E0107

=== comments of other languages
// a
; b
/* c
* d
-- e
! f
profile add A // g
profile add A ; h
profile A // i
---
! 1:1 E0157
! 2:1 E0157
! 3:1 E0157
! 4:1 E0157
! 5:1 E0157
! 6:1 E0157
! 7:15 E0157
! 8:15 E0157
! 9:11 E0157

=== the end of a here-document with white space, and what is behind it
profile A rule update <<EOF
{}
  EOF
profile add B
profile A rule update <<EOF
{}
EOF «cut»
---
profile add B
! 1:23 E0119
! 5:23 E0119

=== rules as JSON
{"id": "A", "inbound_rules": [], "outbound_rules": []}
---
! 1:1 E0156

=== JSON over several lines
# a comment

[
  {"id": "A"}
]
---
! 3:1 E0156

=== YAML
apiVersion: v1
kind: policy
---
! 1:1 E0156

=== the output of iptables-save
*filter
:INPUT ACCEPT [0:0]
---
! 1:1 E0156

=== an nft ruleset
table inet filter {
  chain input {
  }
}
---
! 1:1 E0156

=== a program for nft
#!/usr/sbin/nft -f
flush ruleset
---
! 2:1 E0156

=== a page
<!DOCTYPE html>
<p>
---
! 1:1 E0156

=== NUL characters
«nul»profile add A
---
! 1:1 E0156

=== a dash that is no hyphen
profile A rule remove inbound –at=1
---
! 1:31 E0159

=== signs before a block
profile A = {
  tags
  inbound: {
    allow
  }
  outbound = {}
}
---
! 1:11 E0168
! 3:3 E0168
! 6:12 E0168

=== statements that end in a semicolon
profile A {
  tags = WEB DB;
  inbound {
    allow;
    deny tcp to ports 80 ;
  }
  outbound {};
}
---
! 2:8 E0168
! 2:14 E0105
! 2:16 E0169
! 4:10 E0169
! 5:26 E0169
! 7:14 E0169

=== several statements on a line
profile add A; profile add B
profile add A ; profile add B
profile add A && calicoctl profile add B
profile A {
  tags
  inbound {
    allow; deny
    allow tcp ; deny
  }
  outbound {}
}
---
! 1:16 E0170
! 2:17 E0170
! 3:18 E0170
! 7:12 E0170
! 8:17 E0170

=== a list of ports that ends in a variable
define P = 80
profile A rule add inbound allow tcp to ports 22 ${P}
profile A rule add inbound allow tcp to ports 22, ${P}
---
! 2:47 E0107
! 3:47 E0107
