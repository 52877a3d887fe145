"""superset: Apache Superset as the platform runs it, with its dashboards as code."""
