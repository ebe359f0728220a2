"""The facts of the language, each in one place: what protocols, actions, directions and match parts there are."""
