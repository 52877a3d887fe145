"""A domain and its certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite


@dataclass(frozen=True, kw_only=True)
class DomainArgs:
    """Args:
    domain: whose parent zone points to the name servers of ours.
    """

    site: AwsSite
    domain: str


class Domain(AwsComponent):
    """A Route 53 zone, and a certificate for the domain and every name right under it.

    AWS issues the certificate once it finds the record that proves the domain is ours, for which the parent
    zone has to point to `name_servers`. `certificate_arn` is known when it is issued.
    """

    TYPE: ClassVar[str] = "carbon:aws:Domain"

    def __init__(self, name: str, args: DomainArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        zone = aws.route53.Zone(
            name,
            name=args.domain,
            comment=f"Public names of {args.site.names.prefix}",
            force_destroy=False,
            opts=self.below(protect=args.site.protect),
        )
        self.zone_id = zone.zone_id
        self.zone_arn = zone.arn
        self.name_servers = zone.name_servers
        certificate = aws.acm.Certificate(
            name,
            domain_name=args.domain,
            subject_alternative_names=[f"*.{args.domain}"],
            validation_method="DNS",
            key_algorithm="EC_prime256v1",
            opts=self.below(),
        )
        # The domain and what is under it are proved by one record.
        proof = certificate.domain_validation_options.apply(lambda options: options[0])
        record = aws.route53.Record(
            self.child("proof"),
            zone_id=zone.zone_id,
            name=proof.apply(lambda option: str(option.resource_record_name)),
            type=proof.apply(lambda option: str(option.resource_record_type)),
            records=[proof.apply(lambda option: str(option.resource_record_value))],
            ttl=300,
            allow_overwrite=True,
            opts=self.below(),
        )
        issued = aws.acm.CertificateValidation(
            name,
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            opts=self.below(),
        )
        self.certificate_arn = issued.certificate_arn
        self.register_outputs({"name_servers": self.name_servers})
