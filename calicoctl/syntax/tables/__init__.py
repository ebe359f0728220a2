"""Tables that are derived from the grammar when the package is built, so that most commands do not import Lark."""
