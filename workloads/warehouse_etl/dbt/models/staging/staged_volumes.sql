{{ conform('metering', 'volumes', volume_columns()) }}
