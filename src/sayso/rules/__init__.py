"""Rules that are data: words and replies by language, countries; one reader that validates them."""
