{{ cleaned('staged_counterparties', counterparty_columns()) }}
