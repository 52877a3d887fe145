{{ conform('etrm', 'trades', trade_columns()) }}
