"""The grammars of the language for Lark, installed as the package `calicoctl.grammar`."""
