"""The local Kubernetes node: a real kubeadm control plane in namespaces of its own, one set an instance.

`up.up(instance)` brings a node up or completes a half-made one, `down.down(instance)` takes it away without
a trace. Instances share nothing but the kernel: each has its own PID, mount, network, IPC and UTS namespace,
its own cgroups and its own directory under the state directory.
"""
