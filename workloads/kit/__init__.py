"""What workloads share. Business rules of one workload do not belong here."""
