"""Custom resources of what is installed on a cluster, and objects of the cluster itself."""
