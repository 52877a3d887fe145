{{ cleaned('staged_trades', trade_columns()) }}
