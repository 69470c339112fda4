"""Services that speak OpenAI's protocol: what is known of each, and where one of them answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from holdfast.errors import ConfigError

JsonMode = Literal["schema", "object", "text"]
Purpose = Literal["LLM", "EMBEDDING"]

AZURE = "azure_openai"

# Azure's first stable version with structured outputs.
_AZURE_API_VERSION = "2024-10-21"


@dataclass(frozen=True, slots=True)
class Preset:
    """One service that speaks OpenAI's protocol.

    Attributes:
        base_url: Where it answers; `None` leaves it to the SDK (and its `OPENAI_BASE_URL`).
        key_variable: The environment variable that holds the key; `None` when it needs none.
        chat_model: The model used when none is named; `None` when one must be.
        embedding_model: The same for embeddings.
        json_mode: How it is asked for JSON at first: by schema, as any object, or in the prompt alone.
    """

    base_url: str | None
    key_variable: str | None
    chat_model: str | None = None
    embedding_model: str | None = None
    json_mode: JsonMode = "schema"


PRESETS: Mapping[str, Preset] = {
    "openai": Preset(None, "OPENAI_API_KEY", "gpt-4o-mini", "text-embedding-3-small"),
    AZURE: Preset(None, "AZURE_OPENAI_API_KEY", "gpt-4o-mini", "text-embedding-3-small"),
    "deepseek": Preset("https://api.deepseek.com", "DEEPSEEK_API_KEY", "deepseek-chat", json_mode="object"),
    "gemini": Preset(
        "https://generativelanguage.googleapis.com/v1beta/openai/",
        "GEMINI_API_KEY",
        "gemini-2.5-flash",
        "gemini-embedding-001",
    ),
    "groq": Preset("https://api.groq.com/openai/v1", "GROQ_API_KEY", "openai/gpt-oss-20b"),
    "lmstudio": Preset("http://localhost:1234/v1", None),
    "mistral": Preset("https://api.mistral.ai/v1", "MISTRAL_API_KEY", "mistral-small-latest", "mistral-embed"),
    "ollama": Preset("http://localhost:11434/v1", None, "llama3.1", "nomic-embed-text"),
    "openrouter": Preset("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "openai/gpt-4o-mini"),
    "together": Preset(
        "https://api.together.xyz/v1",
        "TOGETHER_API_KEY",
        "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "BAAI/bge-base-en-v1.5",
    ),
    "xai": Preset("https://api.x.ai/v1", "XAI_API_KEY", "grok-3-mini"),
}
"""What is known of each service, by the name that configuration uses."""

NATIVE_DIMENSIONS: Mapping[str, int] = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
    "gemini-embedding-001": 3072,
    "mistral-embed": 1024,
    "nomic-embed-text": 768,
    "BAAI/bge-base-en-v1.5": 768,
}
"""Length of the vectors each known embedding model gives when it is not asked for another."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service answers, and the key to it.

    Attributes:
        provider: Its name in `PRESETS`.
        api_key: Never shown; a placeholder where the service needs none.
        base_url: Where it answers instead of where the preset says.
        azure_endpoint: The Azure resource's URL.
        azure_deployment: The Azure deployment, when it is not called like the model.
        api_version: Azure's protocol version.
    """

    provider: str
    api_key: str = field(repr=False)
    base_url: str | None = None
    azure_endpoint: str | None = None
    azure_deployment: str | None = None
    api_version: str | None = None

    @property
    def preset(self) -> Preset:
        """What is known of the service."""
        return PRESETS[self.provider]

    def client_options(self) -> dict[str, Any]:
        """Return the place in the words of the SDK's client classes."""
        if self.provider != AZURE:
            return {"api_key": self.api_key, "base_url": self.base_url or self.preset.base_url}
        return {
            "api_key": self.api_key,
            "azure_endpoint": self.azure_endpoint,
            "azure_deployment": self.azure_deployment,
            "api_version": self.api_version,
        }

    def settings(self) -> dict[str, object]:
        """Return the place without its secrets, in the words of our constructors."""
        settings = {
            "base_url": _without_credentials(self.base_url),
            "azure_endpoint": _without_credentials(self.azure_endpoint),
            "azure_deployment": self.azure_deployment,
            "api_version": self.api_version,
        }
        return {name: value for name, value in settings.items() if value}

    def model(self, named: str | None, preset: str | None) -> str:
        """Return the model to ask: the one `named`, else Azure's deployment, else the `preset`'s.

        Raises:
            ConfigError: There is none.
        """
        model = named or self.azure_deployment or preset
        if model is None:
            raise ConfigError(f"{self.provider} needs the name of a model: pass model")
        return model


def resolve_endpoint(
    purpose: Purpose,
    *,
    provider: str,
    api_key: str | None,
    base_url: str | None,
    azure_endpoint: str | None,
    azure_deployment: str | None,
    api_version: str | None,
) -> Endpoint:
    """Return the place these settings name, completed from the environment.

    Raises:
        ConfigError: The provider is unknown, or its key or the Azure endpoint is missing.
    """
    if azure_endpoint or provider == AZURE:
        return _azure_place(purpose, api_key, azure_endpoint, azure_deployment, api_version)
    preset = PRESETS.get(provider)
    if preset is None:
        raise ConfigError(f"no provider is called {provider!r}: there are {', '.join(PRESETS)}")
    key = api_key or _environment(preset.key_variable)
    if not key and preset.key_variable and not base_url:
        raise ConfigError(f"{provider} needs a key: set {preset.key_variable} or pass api_key")
    # The SDK insists on a key even where the service has none.
    return Endpoint(provider, key or "none", _with_path(base_url, preset))


def _azure_place(
    purpose: Purpose, api_key: str | None, endpoint: str | None, deployment: str | None, version: str | None
) -> Endpoint:
    endpoint = endpoint or _environment("AZURE_OPENAI_ENDPOINT", f"{purpose}_AZURE_ENDPOINT")
    if not endpoint:
        raise ConfigError(f"{AZURE} needs its endpoint: set AZURE_OPENAI_ENDPOINT or pass azure_endpoint")
    key = api_key or _environment("AZURE_OPENAI_API_KEY", f"{purpose}_AZURE_OPENAI_API_KEY")
    if not key:
        raise ConfigError(f"{AZURE} needs a key: set AZURE_OPENAI_API_KEY or pass api_key")
    named_version = version or _environment("OPENAI_API_VERSION", f"{purpose}_AZURE_API_VERSION")
    return Endpoint(
        AZURE,
        key,
        azure_endpoint=endpoint,
        azure_deployment=deployment or _environment(f"{purpose}_AZURE_DEPLOYMENT"),
        api_version=named_version or _AZURE_API_VERSION,
    )


def _environment(*variables: str | None) -> str | None:
    values = (os.environ.get(variable, "").strip() for variable in variables if variable)
    return next(filter(None, values), None)


def _with_path(base_url: str | None, preset: Preset) -> str | None:
    """Give a bare address, such as `http://gpu:11434`, the path under which the preset's service answers."""
    if not base_url or not preset.base_url or urlsplit(base_url).path.strip("/"):
        return base_url or None
    return base_url.rstrip("/") + urlsplit(preset.base_url).path


def _without_credentials(url: str | None) -> str | None:
    if url is None or "@" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
