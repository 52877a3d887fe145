"""data-quality: watches prices and indicators, and says what is wrong or strange with them."""
