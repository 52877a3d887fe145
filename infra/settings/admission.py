"""What in the cluster refuses objects that break the policies' rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field

from infra.settings.base import Section


class ValidatingAdmissionPolicies(Section):
    """The API server itself."""

    kind: Literal["validating-admission-policy"] = Field(description="ValidatingAdmissionPolicy.")


class KyvernoAdmission(Section):
    """Kyverno, which also reports on objects that were there before a rule was."""

    kind: Literal["kyverno"] = Field(description="Kyverno ValidatingPolicy; Kyverno must be installed.")
    background: bool = Field(
        default=True, description="Whether objects that exist are scanned and reported on."
    )


Admission = Annotated[ValidatingAdmissionPolicies | KyvernoAdmission, Discriminator("kind")]
