"""The platform's rules, each written once, and the CrossGuard pack made from them."""
