"""Keys that a values.yaml names in a comment only."""

import textwrap

from tools.gate import commented


def keys(text: str) -> dict[str, int]:
    return {".".join(path): line for path, line in commented.keys(textwrap.dedent(text).lstrip()).items()}


def test_a_commented_key_belongs_where_its_column_puts_it() -> None:
    found = keys("""
        image:
          tag: v1
          # digest: sha256:x
        # replicas: 1
        """)
    assert found == {"image.digest": 3, "replicas": 4}


def test_a_commented_map_keeps_its_own_nesting() -> None:
    found = keys("""
        issuer: {}
          # ref:
          #   name: mine
          # kind: ClusterIssuer
        """)
    assert found == {"issuer.ref": 2, "issuer.ref.name": 3, "issuer.kind": 4}


def test_items_of_a_commented_list_are_told_from_maps() -> None:
    found = keys("""
        env: []
        # - name: A
        #   value: b
        """)
    assert set(found) == {"env.[].name", "env.[].value"}


def test_what_stands_in_a_block_of_text_is_no_key() -> None:
    found = keys("""
        script: |
          # set: -e
          exit
        # after: 1
        """)
    assert found == {"after": 4}


def test_a_comment_ends_where_the_next_key_begins() -> None:
    found = keys("""
        # one:
        two:
          # three: 3
        """)
    assert found == {"one": 1, "two.three": 3}
