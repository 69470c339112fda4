"""Provider tests run without keys and addresses from the environment."""

import pytest

from holdfast.providers.presets import PRESETS


@pytest.fixture(autouse=True)
def _no_keys_from_outside(monkeypatch):
    for name in (
        "OPENAI_BASE_URL",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "OPENAI_API_VERSION",
        "AZURE_OPENAI_ENDPOINT",
    ):
        monkeypatch.delenv(name, raising=False)
    for preset in PRESETS.values():
        if preset.key_variable:
            monkeypatch.delenv(preset.key_variable, raising=False)
