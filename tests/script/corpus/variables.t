Variables, and the files that scripts include.

=== a value in every kind of word
define P = WEB
define T = SHOP
define PORTS = 80,443
define NET = 10.0.0.0/8
define N = 1
profile add ${P}
profile ${P} tag add ${T}
profile ${P} rule add inbound --at=${N} allow tcp from ports ${PORTS} tag ${T} cidr ${NET} to ${NET}
profile ${P} rule add inbound --at ${N} deny icmp type ${N} code ${N}
profile ${P} rule remove outbound --at=${N}
profile ${P} tag show
---
profile add WEB
profile WEB tag add SHOP
profile WEB rule add inbound --at=1 allow tcp from ports 80,443 tag SHOP cidr 10.0.0.0/8 to cidr 10.0.0.0/8
profile WEB rule add inbound --at=1 deny icmp type 1 code 1
profile WEB rule remove outbound --at=1
profile WEB tag show

=== a value in a part of a word
define A = WEB
define B = 10
define PORTS = 80, 443
profile add ${A}-x
profile add x.${A}
profile add ${A}${A}
profile A rule add inbound allow tcp from 10.${B}.0.0/16 to ports 22,${PORTS},8080
profile A rule add inbound allow from ${B}.0.0.0/${B}
---
profile add WEB-x
profile add x.WEB
profile add WEBWEB
profile A rule add inbound allow tcp from cidr 10.10.0.0/16 to ports 22,80,443,8080
profile A rule add inbound allow from cidr 10.0.0.0/10

=== in every part of a block
define P = WEB
define T = WEB, SHOP
define PORTS = 80,443
profile ${P} {
  tags ${T}, X
  inbound {
    allow tcp to ports ${PORTS}
    json {"action": "log", "log_prefix": "${P}"}
  }
  outbound {}
}
---
profile WEB {
  tags WEB, SHOP, X
  inbound {
    allow tcp to ports 80,443
    json {"action": "log", "log_prefix": "${P}"}
  }
  outbound {}
}

=== how a definition may be written
define A=80
define   B   =   80 , 443   # a comment
define C = \
    80, \
    443
define D = 'x', "y"
define _e1 = 1
profile W rule add inbound allow tcp to ports ${A},${B},${C},${_e1}
profile W {
  tags ${D}
  inbound {}
  outbound {}
}
---
profile W rule add inbound allow tcp to ports 80,80,443,80,443,1
profile W {
  tags x, y
  inbound {}
  outbound {}
}

=== values of values
define A = WEB
define B = ${A}-x
define C = ${A}, "${B}"
profile W {
  tags ${C}, ${B}${A}
  inbound {}
  outbound {}
}
---
profile W {
  tags WEB, WEB-x, WEB-xWEB
  inbound {}
  outbound {}
}

=== quotes
define A = WEB
profile add "${A}"
profile add "\u0041${A}"
profile A tag remove '${A}'
profile A tag remove "\u0024{A}"
profile A tag remove "a$"
profile A tag remove a$-$1
---
profile add WEB
profile add AWEB
profile A tag remove '${A}'
profile A tag remove '${A}'
profile A tag remove 'a$'
profile A tag remove 'a$-$1'

=== a value is never syntax
define A = 'X rule remove inbound --at=1'
define B = "from cidr 10.0.0.0/8"
define C = to
define D = --no-check
profile ${A} tag show
profile A rule add inbound allow from tag ${B}
profile A rule add inbound allow from tag ${C}
profile A rule add inbound allow from tag ${D}
profile remove ${D}
---
profile 'X rule remove inbound --at=1' tag show
profile A rule add inbound allow from tag 'to'
! 4:12 E0101
! 6:43 E0214

=== a here-document and a file
define P = WEB
define F = rules
profile ${P} rule update <<EOF
{"inbound_rules": [], "outbound_rules": [{"action": "log", "log_prefix": "${P}"}]}
EOF
profile ${P} rule update < ${F}.json
profile ${P} rule update < '${F}.json'
---
profile WEB rule update <<'EOF'
{"inbound_rules": [], "outbound_rules": [{"action": "log", "log_prefix": "${P}"}]}
EOF
profile WEB rule update < rules.json
! 7:28 E0626

=== not defined
profile add ${A}
define B = ${C}
define A = 1
profile add ${B}
profile X {
  tags ${T}, ${U}
  inbound {
    allow from ${V} to ${W}
  }
  outbound {}
}
---
! 1:13 E0141
! 2:12 E0141
! 6:8 E0141
! 6:14 E0141
! 8:16 E0141
! 8:24 E0141

=== defined twice, and names that are none
define A = 1
define A = 1
define 1A = 1
define A-B = 1
define ${A} = 1
---
! 2:8 E0144
! 3:8 E0143
! 4:8 E0143
! 5:8 E0143

=== what is no reference
define X = 1
profile add $X
profile add ${X
profile add ${}
profile add ${1X}
profile add ${X:-2}
profile add $(X)
profile add {{X}}
profile add {{ X }}
profile add %X%
profile add ${ X }
profile A rule add inbound allow tcp to ports {{ X }}
profile A rule add inbound allow from $X
---
! 2:13 E0142
! 3:13 E0142
! 4:13 E0142
! 5:13 E0142
! 6:13 E0142
! 7:13 E0142
! 8:13 E0142
! 9:13 E0142
! 10:13 E0142
! 11:13 E0142
! 12:47 E0142
! 13:39 E0142

=== where a keyword belongs
define DIR = inbound
define ACTION = allow
define ALL = profile
profile A rule add ${DIR} allow
profile A rule add inbound ${ACTION}
${ALL} add X
profile A {
  tags
  ${DIR} {
    ${ACTION}
  }
  outbound {}
}
---
! 4:20 E0140
! 5:28 E0140
! 6:1 E0140
! 9:3 E0140
! 10:5 E0140

=== a list where one word belongs
define L = A, B
define PORTS = 80, 443
profile add ${L}
profile ${L} tag add X
profile A tag add "${L}"
define M = x${L}
profile A rule add inbound allow tcp to ports ${PORTS}-90
profile A rule add inbound allow tcp to ports 8${PORTS}
profile A rule add inbound allow tcp to ports "22,${PORTS}"
---
profile A rule add inbound allow tcp to ports 22,80,443
! 3:13 E0145
! 4:9 E0145
! 5:20 E0145
! 6:13 E0145
! 7:47 E0145
! 8:48 E0145

=== a mistake in a value is told once
define NET = 10.0.0.300
define PORTS = 80, 99999
profile A rule add inbound allow from ${NET}
profile B rule add inbound allow from ${NET}
profile B rule add inbound allow tcp from ${NET} to ports ${PORTS}
---
! 3:39 E0207
! 5:59 E0202

=== what only follows from a mistake is not told
define X 80
profile A rule add inbound allow tcp to ports ${X}
Y = 81
profile A rule add inbound allow tcp to ports ${Y}
define Z = 1 1
profile A rule add inbound allow tcp to ports ${Z}
profile A rule add inbound allow tcp from ports 99999 to ports ${Z}
---
! 1:10 E0105
! 3:1 E0105
! 5:14 E0105
! 7:49 E0202

=== values in brackets
define X = { 80, 443 }
define Y = [80, 443]
---
! 1:12 E0152
! 2:12 E0152

=== as it is said elsewhere
defin A = 1
let B = 1
set C = 1
%define D 1
E := 1
define F := 1
inlcude names.calico
source "names.calico"
@include 'names.calico'
import names.calico
include <names.calico>
include names.calico;
---
! 1:1 E0104
! 2:1 E0104
! 3:1 E0104
! 4:1 E0104
! 4:11 E0105
! 5:1 E0105
! 6:10 E0104
! 7:1 E0104
! 8:1 E0104
! 9:1 E0104
! 10:1 E0104
! 11:9 E0101
! 12:21 E0169

=== too early an end
define
define A
define A =
define A = 1,
include
---
! 1:7 E0102
! 2:9 E0102
! 3:11 E0102
! 4:14 E0102
! 5:8 E0102

=== in a block
profile A {
  define X = TAG
  tags ${X}
  inbound {
    include names.calico
    define Y = 80
    allow tcp to ports ${Y}
  }
  outbound {}
}
profile add ${NAME}
---
profile add WEB
profile add WEB
! 2:3 E0147
! 5:5 E0147
! 6:5 E0147

=== behind a block without its end
profile A {
  tags
  inbound {}
  outbound {}
define X = WEB
profile add ${X}
---
profile add WEB
! 1:1 E0120

=== a value too long
define A = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
define B = ${A}${A}${A}${A}${A}${A}${A}${A}${A}${A}
define C = ${B}${B}${B}${B}${B}${B}${B}${B}${B}${B}
define D = ${C}${C}${C}${C}${C}${C}${C}${C}${C}${C}
profile add ${D}
---
! 4:12 E0146

=== included
include "names.calico"
profile ${NAME} tag add X
define LATE = L
include late.calico
include late.calico
---
profile add WEB
profile WEB tag add X
profile add L
profile add L

=== the same definition, included twice
include names.calico
include names.calico
---
profile add WEB
profile add WEB

=== a mistake in a file that is included
include wrong.calico
profile add a/c
include none.calico
profile add ${PERHAPS}
---
! wrong.calico:1:13 E0214
! 2:13 E0214
! 3:9 E0626

=== a file that includes itself
include again.calico
---
! again.calico:1:9 E0148

=== a file whose name is made of a value
define WHAT = names
include ${WHAT}.calico
include ${NONE}.calico
include '${WHAT}.calico'
---
profile add WEB
! 3:9 E0141
! 4:9 E0626
