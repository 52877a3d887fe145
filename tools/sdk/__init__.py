"""The Python client in `sdk/`: what of it is made from the API's OpenAPI document, and its wheel."""
