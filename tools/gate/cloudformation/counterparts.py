"""Which type of CloudFormation says the same as one of the AWS provider, and where their names differ.

A name that stands here goes to the one beside it; any other to the property of the same name, whatever its
capitals, where the type has one. What is neither is unseen, and the gate says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

NOWHERE: Final = ""
"""In place of a name: what only steers the provider, and is nothing of the resource."""

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterpart:
    """Args:
    type: of CloudFormation.
    within: its property that the whole resource is a part of, where it is.
    names: ours, dotted from the resource → theirs, dotted from what the part of ours around it became. A
        part that has no counterpart itself, but things below it have, counts as not there.
    given: theirs that the provider says itself, or that only a test of a part of a resource lacks.
    """

    type: str
    within: str = ""
    names: Mapping[str, str] = field(default_factory=lambda: _NONE)
    given: Mapping[str, Any] = field(default_factory=lambda: _NONE)


def _is(type_: str, *, within: str = "", given: Mapping[str, Any] = _NONE, **names: str) -> Counterpart:
    """Names written with `__` for the dot."""
    dotted = {ours.replace("__", "."): theirs for ours, theirs in names.items()}
    return Counterpart(type=type_, within=within, given=given, names=MappingProxyType(dotted))


def _bucket(within: str, **names: str) -> Counterpart:
    """A bucket's part, which the provider has as a resource of its own."""
    return _is("AWS::S3::Bucket", within=within, given=_NONE, bucket=NOWHERE, **names)


COUNTERPARTS: Final[Mapping[str, Counterpart]] = {
    "aws:acm/certificate:Certificate": _is("AWS::CertificateManager::Certificate"),
    "aws:cloudtrail/trail:Trail": _is(
        "AWS::CloudTrail::Trail",
        name="TrailName",
        enableLogging="IsLogging",
        cloudWatchLogsGroupArn="CloudWatchLogsLogGroupArn",
        advancedEventSelectors__fieldSelectors__startsWiths="StartsWith",
    ),
    "aws:cloudwatch/eventRule:EventRule": _is("AWS::Events::Rule"),
    "aws:cloudwatch/eventTarget:EventTarget": _is(
        "AWS::Events::Rule",
        rule=NOWHERE,
        arn="Targets.Arn",
        targetId="Targets.Id",
        given={"ScheduleExpression": "rate(1 day)"},
    ),
    "aws:cloudwatch/logGroup:LogGroup": _is("AWS::Logs::LogGroup", name="LogGroupName"),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": _is("AWS::Logs::ResourcePolicy"),
    "aws:codebuild/project:Project": _is(
        "AWS::CodeBuild::Project",
        buildTimeout="TimeoutInMinutes",
        queuedTimeout="QueuedTimeoutInMinutes",
    ),
    "aws:ec2/eip:Eip": _is("AWS::EC2::EIP"),
    "aws:ec2/flowLog:FlowLog": _is(
        "AWS::EC2::FlowLog",
        iamRoleArn="DeliverLogsPermissionArn",
        vpcId="ResourceId",
        given={"ResourceType": "VPC"},
    ),
    "aws:ec2/internetGateway:InternetGateway": _is("AWS::EC2::InternetGateway", vpcId=NOWHERE),
    "aws:ec2/launchTemplate:LaunchTemplate": _is(
        "AWS::EC2::LaunchTemplate",
        name="LaunchTemplateName",
        blockDeviceMappings="LaunchTemplateData.BlockDeviceMappings",
        metadataOptions="LaunchTemplateData.MetadataOptions",
        monitoring="LaunchTemplateData.Monitoring",
        tagSpecifications="LaunchTemplateData.TagSpecifications",
        updateDefaultVersion=NOWHERE,
        tagsAll=NOWHERE,
    ),
    "aws:ec2/natGateway:NatGateway": _is("AWS::EC2::NatGateway"),
    "aws:ec2/route:Route": _is("AWS::EC2::Route"),
    "aws:ec2/routeTable:RouteTable": _is("AWS::EC2::RouteTable"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _is("AWS::EC2::SubnetRouteTableAssociation"),
    "aws:ec2/securityGroup:SecurityGroup": _is("AWS::EC2::SecurityGroup", description="GroupDescription"),
    "aws:ec2/subnet:Subnet": _is("AWS::EC2::Subnet"),
    "aws:ec2/vpc:Vpc": _is("AWS::EC2::VPC"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _is("AWS::EC2::VPCEndpoint"),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": _is(
        "AWS::ECR::Repository",
        within="LifecyclePolicy",
        policy="LifecyclePolicyText",
        repository=NOWHERE,
    ),
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": _is("AWS::ECR::ReplicationConfiguration"),
    "aws:ecr/repository:Repository": _is(
        "AWS::ECR::Repository",
        name="RepositoryName",
        encryptionConfigurations="EncryptionConfiguration",
    ),
    "aws:eks/accessEntry:AccessEntry": _is("AWS::EKS::AccessEntry"),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _is(
        "AWS::EKS::AccessEntry",
        accessScope="AccessPolicies.AccessScope",
        policyArn="AccessPolicies.PolicyArn",
    ),
    "aws:eks/addon:Addon": _is(
        "AWS::EKS::Addon", resolveConflictsOnCreate="ResolveConflicts", resolveConflictsOnUpdate=NOWHERE
    ),
    "aws:eks/cluster:Cluster": _is(
        "AWS::EKS::Cluster",
        vpcConfig="ResourcesVpcConfig",
        enabledClusterLogTypes="Logging.ClusterLogging.EnabledTypes.Type",
    ),
    "aws:eks/nodeGroup:NodeGroup": _is(
        "AWS::EKS::Nodegroup", nodeRoleArn="NodeRole", subnetIds="Subnets", nodeGroupNamePrefix=NOWHERE
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _is("AWS::EKS::PodIdentityAssociation"),
    "aws:iam/instanceProfile:InstanceProfile": _is(
        "AWS::IAM::InstanceProfile",
        name="InstanceProfileName",
        role="Roles",
        tagsAll=NOWHERE,
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _is(
        "AWS::IAM::OIDCProvider", clientIdLists="ClientIdList"
    ),
    "aws:iam/policy:Policy": _is(
        "AWS::IAM::ManagedPolicy", name="ManagedPolicyName", policy="PolicyDocument", tagsAll=NOWHERE
    ),
    "aws:iam/role:Role": _is("AWS::IAM::Role", name="RoleName", assumeRolePolicy="AssumeRolePolicyDocument"),
    "aws:kms/alias:Alias": _is("AWS::KMS::Alias", name="AliasName"),
    "aws:kms/key:Key": _is("AWS::KMS::Key", deletionWindowInDays="PendingWindowInDays", policy="KeyPolicy"),
    "aws:lambda/function:Function": _is(
        "AWS::Lambda::Function", name="FunctionName", code=NOWHERE, given={"Code": {"ZipFile": "-"}}
    ),
    "aws:lambda/permission:Permission": _is("AWS::Lambda::Permission", function="FunctionName"),
    "aws:lb/listener:Listener": _is(
        "AWS::ElasticLoadBalancingV2::Listener",
        certificateArn="Certificates.CertificateArn",
        defaultActions__fixedResponse="FixedResponseConfig",
        defaultActions__redirect="RedirectConfig",
        tagsAll=NOWHERE,
    ),
    "aws:lb/listenerRule:ListenerRule": _is(
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        conditions__hostHeader="HostHeaderConfig",
        given={"Priority": 1},
        tagsAll=NOWHERE,
    ),
    "aws:lb/loadBalancer:LoadBalancer": _is(
        "AWS::ElasticLoadBalancingV2::LoadBalancer", loadBalancerType="Type"
    ),
    "aws:lb/targetGroup:TargetGroup": _is(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        healthCheck__interval="HealthCheckIntervalSeconds",
        healthCheck__timeout="HealthCheckTimeoutSeconds",
        healthCheck__path="HealthCheckPath",
        healthCheck__matcher="Matcher.HttpCode",
    ),
    "aws:route53/record:Record": _is(
        "AWS::Route53::RecordSet",
        zoneId="HostedZoneId",
        records="ResourceRecords",
        aliases="AliasTarget",
        aliases__name="DNSName",
        aliases__zoneId="HostedZoneId",
        allowOverwrite=NOWHERE,
    ),
    "aws:route53/zone:Zone": _is(
        "AWS::Route53::HostedZone",
        comment="HostedZoneConfig.Comment",
        forceDestroy=NOWHERE,
        tagsAll="HostedZoneTags",
    ),
    "aws:s3/bucket:Bucket": _is("AWS::S3::Bucket", bucket="BucketName", forceDestroy=NOWHERE),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _bucket(
        "LifecycleConfiguration",
        rules__expiration__days="ExpirationInDays",
        rules__filter__prefix="Prefix",
        rules__transitions__days="TransitionInDays",
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _bucket("ObjectLockConfiguration"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _bucket("OwnershipControls", rule="Rules"),
    "aws:s3/bucketPolicy:BucketPolicy": _is("AWS::S3::BucketPolicy", policy="PolicyDocument"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _bucket("PublicAccessBlockConfiguration"),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": _bucket("ReplicationConfiguration"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _bucket(
        "BucketEncryption",
        rules="ServerSideEncryptionConfiguration",
        rules__applyServerSideEncryptionByDefault="ServerSideEncryptionByDefault",
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _bucket(
        "VersioningConfiguration", versioningConfiguration__status="Status"
    ),
    "aws:secretsmanager/secret:Secret": _is(
        "AWS::SecretsManager::Secret", replicas="ReplicaRegions", recoveryWindowInDays=NOWHERE
    ),
    "aws:secretsmanager/secretRotation:SecretRotation": _is(
        "AWS::SecretsManager::RotationSchedule", rotateImmediately="RotateImmediatelyOnUpdate"
    ),
    "aws:sqs/queue:Queue": _is(
        "AWS::SQS::Queue", name="QueueName", messageRetentionSeconds="MessageRetentionPeriod"
    ),
    "aws:sqs/queuePolicy:QueuePolicy": _is(
        "AWS::SQS::QueuePolicy",
        policy="PolicyDocument",
        queueUrl="Queues",
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _is(
        "AWS::EC2::SecurityGroupEgress",
        securityGroupId="GroupId",
        cidrIpv4="CidrIp",
        referencedSecurityGroupId="DestinationSecurityGroupId",
        tagsAll=NOWHERE,
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _is(
        "AWS::EC2::SecurityGroupIngress",
        securityGroupId="GroupId",
        cidrIpv4="CidrIp",
        referencedSecurityGroupId="SourceSecurityGroupId",
        tagsAll=NOWHERE,
    ),
    "aws:wafv2/ipSet:IpSet": _is("AWS::WAFv2::IPSet", ipAddressVersion="IPAddressVersion"),
    "aws:wafv2/webAcl:WebAcl": _is("AWS::WAFv2::WebACL"),
    "aws:wafv2/webAclAssociation:WebAclAssociation": _is("AWS::WAFv2::WebACLAssociation"),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": _is(
        "AWS::WAFv2::LoggingConfiguration"
    ),
}

WITHOUT: Final[Mapping[str, str]] = {
    "aws:acm/certificateValidation:CertificateValidation": "waits, and makes nothing",
    "aws:budgets/budget:Budget": "has its notifications and filters in another order of parts",
    "aws:codebuild/webhook:Webhook": "is a part of a project there",
    "aws:ebs/encryptionByDefault:EncryptionByDefault": "is a setting of the account, which has no type",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "takes over what AWS made",
    "aws:ec2/tag:Tag": "is a tag of something that AWS made",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "is a part of a role there",
    "aws:lambda/invocation:Invocation": "calls a function once",
}
"""Types that have no counterpart, and why."""
