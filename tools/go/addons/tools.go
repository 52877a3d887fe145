//go:build tools

package tools

import (
	_ "github.com/rancher/local-path-provisioner"
	_ "sigs.k8s.io/kube-network-policies/cmd/kube-network-policies/standard"
	_ "sigs.k8s.io/metrics-server/cmd/metrics-server"
)
