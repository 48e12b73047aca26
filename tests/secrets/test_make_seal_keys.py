"""The command that makes the pair of keys."""

import stat

from django.core.management import call_command


def test_the_private_key_is_its_owners_alone_and_never_replaced(tmp_path, capsys):
    directory = tmp_path / "keys"
    call_command("make_seal_keys", directory=directory)
    private = (directory / "seal.key").read_text()
    assert stat.S_IMODE((directory / "seal.key").stat().st_mode) == 0o600
    call_command("make_seal_keys", directory=directory)
    assert (directory / "seal.key").read_text() == private
    assert private.strip() not in capsys.readouterr().out
