Blocks that are not ended, or hold what does not belong there.

=== without an end before a statement
profile WEB {
  tags
  inbound {}
  outbound {}
profile add A
---
profile add A
! 1:1 E0120

=== without an end
profile add A
profile WEB {
  tags
  inbound {}
  outbound {}
---
profile add A
! 2:1 E0120

=== without an end before another block
profile A {
  tags
  inbound {}
  outbound {}
profile B {
  tags
  inbound {}
  outbound {}
}
---
profile B {
  tags
  inbound {}
  outbound {}
}
! 1:1 E0120

=== a list without an end before the next part
profile WEB {
  tags
  inbound {
    allow
  outbound {
    allow
  }
}
profile add A
---
profile add A
! 3:3 E0120

=== the last list without an end
profile WEB {
  tags
  inbound {}
  outbound {
    allow
}
profile add A
---
profile add A
! 1:1 E0120

=== neither an end of the list nor one of the block
profile WEB {
  tags
  inbound {}
  outbound {
    allow
profile add A
---
profile add A
! 1:1 E0120
! 4:3 E0120

=== a part that stands twice
profile WEB {
  tags A
  inbound {}
  inbound {}
  tags B
  outbound {}
}
---
! 4:3 E0121
! 5:3 E0121

=== a part that is missing
profile WEB {
  tags A
  outbound {}
}
---
! 1:1 E0122

=== no part at all
profile WEB {
}
---
! 1:1 E0122

=== a missing part is not told where another is wrong
profile WEB {
  tag A
  inbound {}
  outbound {}
}
---
! 2:3 E0104

=== a direction that is none
profile WEB {
  tags
  sideways {
    allow
    allow tcp to ports 0
  }
  outbound {}
}
---
! 3:3 E0101
! 5:24 E0203

=== a direction of another language
profile WEB {
  tags
  ingress {
    allow
  }
  egress {}
}
---
! 3:3 E0104
! 6:3 E0104

=== a lone statement in a block
profile WEB {
  tags
  profile add A
  inbound {}
  outbound {}
}
profile add B
---
profile add B
! 3:3 E0101

=== a lone statement in a list
profile WEB {
  tags
  inbound {
    allow
    profile WEB rule add inbound deny
    deny
  }
  outbound {}
}
profile add B
---
profile add B
! 5:5 E0101

=== a statement before an end
profile WEB {
  tags
  inbound {}
  outbound {}
  profile add A
}
profile add B
---
profile add B
! 5:3 E0101

=== statements in a block
profile WEB {
  tags
  profile add A
  profile add B
  inbound {}
  outbound {}
}
profile add C
---
profile add A
profile add B
profile add C
! 1:1 E0120

=== a block in a block
profile WEB {
  tags
  profile DB {
    tags
    inbound {}
    outbound {}
  }
  inbound {}
  outbound {
    allow
  }
}
profile add B
---
profile DB {
  tags
  inbound {}
  outbound {}
}
profile add B
! 1:1 E0120

=== a statement without its beginning
profile WEB {
  tags
  inbound {
    rule add inbound allow
  }
  outbound {}
  tag add A
}
---
! 4:5 E0101
! 7:3 E0101

=== all on one line
profile WEB { tags A inbound {} outbound {} }
profile add A
---
profile add A
! 1:15 E0158

=== begun on the first line
profile WEB { tags A
  inbound {}
  outbound {}
}
profile add A
---
profile add A
! 1:15 E0158

=== its bracket on a line of its own
profile WEB
{
  tags A
  inbound
  {
    allow
  }
  outbound {}
}
profile add A
---
profile add A
! 1:12 E0102
! 4:10 E0102

=== brackets without a space
profile WEB{
  tags A
  inbound{
    allow tcp to ports 0
  }
  outbound {}
}
profile add A
---
profile add A
! 1:9 E0118
! 3:3 E0118
! 4:24 E0203

=== rules on the list's own line
profile WEB {
  tags
  inbound { allow }
  outbound {}
}
profile add A
---
profile add A
! 3:13 E0158

=== an empty block on one line
profile WEB {}
profile add A
---
profile add A
! 1:13 E0101

=== without the word profile
WEB {
  tags
  inbound {
    allow tcp to ports 0
  }
  outbound {}
}
profile add A
---
profile add A
! 1:1 E0105
! 4:24 E0203

=== a misspelt beginning
profil WEB {
  tags
  inbound {}
  outbound {}
}
---
! 1:1 E0104

=== an end without a beginning
profile add A
}
profile add B
---
profile add A
profile add B
! 2:1 E0101

=== two ends on one line
profile WEB {
  tags
  inbound {}
  outbound {
    allow
  }}
profile add A
---
profile add A
! 6:3 E0101

=== ends behind other words
profile WEB {
  tags
  inbound {
    allow }
  outbound {
    alow }}
profile add A
---
profile add A
! 4:11 E0101
! 6:5 E0101

=== parts without a beginning
tags A
inbound {
  allow
}
profile add B
---
profile add B
! 1:1 E0101

=== every wrong rule is told
profile WEB {
  tags -x, 'a b', A
  inbound {
    alow
    allow tcp to ports 0
    allow from tag to
    json {"action": "allow", "dst_ports": [80]}
    allow from 10.0.0.1/8
  }
  outbound {
    allow icmp type 255
  }
}
---
! 2:8 E0214
! 2:12 E0214
! 4:5 E0104
! 5:24 E0203
! 6:20 E0108
! 7:30 E0324
? 8:16 W0202
! 11:21 E0213

=== lists of tags
profile WEB {
  tags A B
  inbound {}
  outbound {}
}
profile WEB {
  tags A,
  inbound {}
  outbound {}
}
profile WEB {
  tags , A
  inbound {}
  outbound {}
}
---
! 2:10 E0105
! 7:10 E0102
! 12:8 E0101

=== a tag that stands twice
profile WEB {
  tags A, B, "A"
  inbound {}
  outbound {}
}
---
! 2:14 E0219

=== an end too many
profile WEB {
  tags
  inbound {
  }}
  outbound {}
}
profile add A
---
profile add A
! 4:3 E0101

=== JSON that is no rule
profile WEB {
  tags
  inbound {
    json
    json [1]
    json {"action": "log"
    json {"action": "log"} x
    json {"action": "log", "action": "log"}
    json{"action": "log"}
    {"action": "log"}
    json {"action": "log", \
      "log_prefix": "x"}
  }
  outbound {}
}
---
! 4:9 E0102
! 5:10 E0101
! 6:25 E0302
! 7:27 E0303
! 8:28 E0309
! 9:5 E0118
! 10:5 E0101
! 11:29 E0101

=== JSON in a block but not in a list
profile WEB {
  tags
  json {"action": "log"}
  inbound {}
  outbound {}
}
---
! 3:3 E0101

=== names that cannot be
profile a/b {
  tags
  inbound {}
  outbound {}
}
profile '..' {
  tags
  inbound {}
  outbound {}
}
---
! 1:9 E0217
! 6:9 E0217

=== a here-document for a block
profile WEB <<EOF
tags
EOF
profile add A
---
profile add A
! 1:13 E0101
