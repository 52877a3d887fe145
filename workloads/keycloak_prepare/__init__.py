"""Brings Keycloak's realm to what is declared."""
