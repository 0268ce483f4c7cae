"""Method `emulator`: plans on the law fitted to recorded training instead of a bound."""
