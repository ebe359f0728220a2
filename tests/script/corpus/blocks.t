Profiles as they shall be.

=== a block
profile WEB {
  tags WEB, WEB_APP
  inbound {
    allow from tag WEB
    allow tcp to ports 80,443
  }
  outbound {
    allow
  }
}
---
profile WEB {
  tags WEB, WEB_APP
  inbound {
    allow from tag WEB
    allow tcp to ports 80,443
  }
  outbound {
    allow
  }
}

=== nothing in any part
profile WEB {
  tags
  inbound {}
  outbound {}
}
---
profile WEB {
  tags
  inbound {}
  outbound {}
}

=== parts in another order, and empty in other ways
calicoctl profile WEB {
  outbound {
  }
  inbound { }
  tags
}
---
profile WEB {
  tags
  inbound {}
  outbound {}
}

=== comments, blank lines and continuation
profile WEB {  # the web servers
  # their tags
  tags WEB, \
       WEB_APP   # two

  inbound {  # from
    # nobody
    deny tcp \
      to ports 80  # but
  }  # end
  outbound {}  # none
}  # end
---
profile WEB {
  tags WEB, WEB_APP
  inbound {
    deny tcp to ports 80
  }
  outbound {}
}

=== not indented
$ profile WEB {
tags A,B
inbound {
allow
}
outbound {}
}
---
profile WEB {
  tags A, B
  inbound {
    allow
  }
  outbound {}
}

=== statements and blocks in turns
profile add A
profile WEB {
  tags
  inbound {}
  outbound {}
}
profile WEB tag add X
profile DB {
  tags
  inbound {}
  outbound {}
}
---
profile add A
profile WEB {
  tags
  inbound {}
  outbound {}
}
profile WEB tag add X
profile DB {
  tags
  inbound {}
  outbound {}
}

=== names in quotes
profile 'show' {
  tags "a", 'to', tags
  inbound {
    allow from tag 'to'
  }
  outbound {}
}
---
profile 'show' {
  tags a, to, tags
  inbound {
    allow from tag 'to'
  }
  outbound {}
}

=== rules beyond the language
profile WEB {
  tags
  inbound {
    json {"action": "log", "log_prefix": "it's # 1"}  # why
    json {"action": "allow", "src_selector": "role == 'a # b' && has(x)"}
    json {"!src_net": "10.0.0.0/8", "action": "deny", "ip_version": 4}
  }
  outbound {
    json {"action": "next-tier"}
  }
}
---
profile WEB {
  tags
  inbound {
    json {"action": "log", "log_prefix": "it's # 1"}
    json {"action": "allow", "src_selector": "role == 'a # b' && has(x)"}
    json {"!src_net": "10.0.0.0/8", "action": "deny", "ip_version": 4}
  }
  outbound {
    json {"action": "next-tier"}
  }
}

=== bare networks and ports in other spellings
profile WEB {
  tags
  inbound {
    allow tcp from 10.0.0.0/8 to ports 80:80,90-91
  }
  outbound {}
}
---
profile WEB {
  tags
  inbound {
    allow tcp from cidr 10.0.0.0/8 to ports 80:80,90-91
  }
  outbound {}
}
