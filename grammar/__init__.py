"""The language as data: Lark grammars, installed as `calicoctl.grammar` and read through `importlib.resources`."""
