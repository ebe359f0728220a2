How lines are told apart: comments, continuation, quotes, line ends, prefixes.

=== nothing at all
«cut»
---

=== blank lines and comments only
# a comment

   # another
«tab»
---

=== the prefixes of the documentation
profile add A
calicoctl profile add B
./calicoctl profile add C
$ profile add D
$ calicoctl profile add E
$ ./calicoctl profile add F
---
profile add A
profile add B
profile add C
profile add D
profile add E
profile add F

=== what is no prefix
$calicoctl profile add A
sudo calicoctl profile add B
# profile add C
/usr/bin/calicoctl profile add D
$ $ profile add E
---
! 1:1 E0101
! 2:1 E0101
! 4:1 E0101
! 5:3 E0101

=== a command that no script takes
calicoctl run other.calico
calicoctl export
calicoctl --help
run other.calico
---
! 1:11 E0101
! 2:11 E0101
! 3:11 E0101
! 4:1 E0101

=== the interpreter's line
#!/usr/bin/env -S calicoctl run
profile add A
---
profile add A

=== comments behind statements
profile add A # one
profile add B#two
profile add C   #
profile A tag add 'x#y' # quoted
---
profile add A
profile add C
! 2:13 E0214
! 4:19 E0214

=== a comment in quotes is none
profile A tag remove '# x'
profile A tag remove "# x" # y
---
profile A tag remove '# x'
profile A tag remove '# x'

=== a statement over lines
profile WEB rule add inbound \
    allow tcp \
    from tag \
    DB to ports \
    80,443   # why
profile add B
---
profile WEB rule add inbound allow tcp from tag DB to ports 80,443
profile add B

=== continued before every word that a user chooses
profile \
  WEB rule add inbound --at \
  1 allow icmp type \
  8 code \
  0 from tag \
  A cidr \
  10.0.0.0/8 to \
  10.0.0.1
profile remove \
  WEB
---
profile WEB rule add inbound --at=1 allow icmp type 8 code 0 from tag A cidr 10.0.0.0/8 to cidr 10.0.0.1
profile remove WEB

=== white space behind the backslash
profile add \ «tab»
  A
---
profile add A

=== continued with CRLF
profile add \«cr»
  A«cr»
profile add B«cr»
---
profile add A
profile add B

=== a continued line before nothing
profile add A \

profile add B \
---
profile add A
profile add B

=== a continued line before the end without a line break
profile add A \«cut»
---
! 1:15 E0101

=== a continued line before a comment
profile add A \
# profile add B \
profile add C
---
profile add A
profile add C

=== a comment is not continued
# profile add A \
profile add B
---
profile add B

=== a backslash in a word joins nothing
profile add A\
B
profile add C
---
profile add C
! 1:15 E0101

=== an error in a continued line is pointed at where it stands
profile WEB rule add inbound \
    allow tcp to port \
    99999
---
! 2:18 E0104
! 3:5 E0202

=== CRLF everywhere
profile add A«cr»
«cr»
# comment«cr»
profile B {«cr»
  tags«cr»
  inbound {}«cr»
  outbound {}«cr»
}«cr»
---
profile add A
profile B {
  tags
  inbound {}
  outbound {}
}

=== carriage returns alone
profile add A«cr»profile add B«cr»
---
! 1:14 E0101

=== a byte order mark at the beginning
«bom»profile add A
---
profile add A

=== a byte order mark further on
profile add A
«bom»profile add B
---
profile add A
! 2:1 E0104

=== tabs
«tab»profile«tab»add«tab»A«tab»# x
---
profile add A

=== no last line break
profile add A
profile add B«cut»
---
profile add A
profile add B

=== no last line break behind a comment
profile add A # x«cut»
---
profile add A

=== odd spaces
profile«nbsp»add A
profile add«nbsp»B # x
---
! 1:8 E0112
! 2:12 E0112

=== a control character
profile add A«nul»
---
! 1:13 E0214

=== quotes
profile 'show' tag add 'to'
profile "add" rule show
profile WEB rule add inbound allow from tag "to"
---
profile 'show' tag add to
profile 'add' rule show
profile WEB rule add inbound allow from tag 'to'

=== quotes that are not closed
profile add 'A
profile add "B
profile add "C\"
profile add D
---
profile add D
! 1:13 E0111
! 2:13 E0111
! 3:13 E0111

=== quotes within a word
profile add A'B
profile add "A"B
---
! 1:13 E0214
! 2:13 E0111

=== shell operators
profile add A; profile add B
profile add A && profile add B
profile show | grep A
profile A rule json > rules.json
---
! 1:16 E0170
! 2:18 E0170
! 3:14 E0101
! 4:21 E0101

=== options
profile show --detailed
profile remove A --no-check
profile A rule remove inbound --at=3
profile A rule add inbound --at 0 allow
---
profile show --detailed
profile remove A --no-check
profile A rule remove inbound --at=3
profile A rule add inbound --at=0 allow

=== every wrong line is told
profle add A
profile add
profile WEB rule add inbound allow tcp to ports 0
profile add B
profile WEB rule add inbound alow
---
profile add B
! 1:1 E0104
! 2:12 E0102
! 3:49 E0203
! 5:30 E0104

=== two mistakes in one line
profile WEB rule add inbund alow tcp
---
! 1:22 E0104
! 1:29 E0104

=== warnings
profile WEB rule add inbound allow from 10.0.0.1/8
profile WEB rule add inbound allow from
---
profile WEB rule add inbound allow from cidr 10.0.0.1/8
profile WEB rule add inbound allow from
? 1:41 W0202
? 2:36 W0201
