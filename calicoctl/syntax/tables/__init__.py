"""Tables derived from the grammar when the package is built, so that most commands need not import Lark."""
