"""A stack in small: a cluster, what holds data, a release and a secret, with settings of the real names."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

config = pulumi.Config("carbon")
settings = config.require_object("aws")
eks = settings["cluster"]
nodes = eks["system_nodes"]

cloud = aws.Provider("aws", region=settings["region"], allowed_account_ids=[settings["account_id"]])
at_aws = pulumi.ResourceOptions(provider=cloud)
kept = pulumi.ResourceOptions(provider=cloud, protect=settings["protect"])

key = aws.kms.Key("storage", description="storage", enable_key_rotation=True, opts=kept)
data = aws.s3.Bucket("data", bucket="carbon-small-mlflow", tags={"env": "small"}, opts=kept)
if config.get_bool("more"):
    aws.s3.Bucket("more", bucket="carbon-small-more", opts=kept)
role = aws.iam.Role("eks", assume_role_policy="{}", opts=at_aws)
cluster = aws.eks.Cluster(
    "cluster",
    name="carbon-small",
    role_arn=role.arn,
    version=eks["version"],
    vpc_config={"subnet_ids": ["subnet-1", "subnet-2"]},
    opts=kept,
)
aws.eks.NodeGroup(
    "system",
    cluster_name=cluster.name,
    node_role_arn=role.arn,
    subnet_ids=["subnet-1", "subnet-2"],
    version=cluster.version,
    scaling_config={"desired_size": nodes["least"], "min_size": nodes["least"], "max_size": nodes["most"]},
    opts=at_aws,
)

platform = k8s.Provider("cluster", kubeconfig="/dev/null", cluster_identifier="carbon-small")
on_cluster = pulumi.ResourceOptions(provider=platform)
k8s.core.v1.Namespace("carbon", metadata={"name": "carbon"}, opts=on_cluster)
k8s.core.v1.Secret(
    "roles",
    metadata={"name": "roles", "namespace": "carbon"},
    string_data={"password": config.require_secret("password")},
    opts=on_cluster,
)
k8s.helm.v3.Release(
    "keda",
    name="keda",
    chart="keda",
    version=settings.get("chart_version", "2.20.2"),
    namespace="keda",
    repository_opts={"repo": "https://kedacore.github.io/charts"},
    opts=on_cluster,
)
