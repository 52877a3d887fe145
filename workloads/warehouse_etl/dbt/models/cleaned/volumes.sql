{{ cleaned('staged_volumes', volume_columns()) }}
