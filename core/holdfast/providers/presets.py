"""The services that speak OpenAI's protocol: their endpoints, keys, models and quirks."""

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

_AZURE_API_VERSION = "2024-10-21"  # the first stable one with structured outputs


@dataclass(frozen=True, slots=True)
class Preset:
    """One service that speaks OpenAI's protocol.

    Attributes:
        base_url: Its address; `None` leaves it to the SDK (and its `OPENAI_BASE_URL`).
        key_variable: The environment variable that holds the key; `None` when it needs none.
        chat_model: The default model; `None` when the caller must name one.
        embedding_model: The same for embeddings.
        json_mode: The first way to ask it for JSON: by schema, for any object, or in the prompt alone. If a service
            refuses one, `OpenAIChat` tries the next.
    """

    base_url: str | None
    key_variable: str | None
    chat_model: str | None = None
    embedding_model: str | None = None
    json_mode: JsonMode = "schema"


PRESETS: Mapping[str, Preset] = {
    "openai": Preset(None, "OPENAI_API_KEY", "gpt-4o-mini", "text-embedding-3-small"),
    AZURE: Preset(None, "AZURE_OPENAI_API_KEY", "gpt-4o-mini", "text-embedding-3-small"),
    # DeepSeek has no JSON schema, only JSON of any form.
    "deepseek": Preset("https://api.deepseek.com", "DEEPSEEK_API_KEY", "deepseek-chat", json_mode="object"),
    "gemini": Preset(
        "https://generativelanguage.googleapis.com/v1beta/openai/",
        "GEMINI_API_KEY",
        "gemini-2.5-flash",
        "gemini-embedding-001",
    ),
    "groq": Preset("https://api.groq.com/openai/v1", "GROQ_API_KEY", "openai/gpt-oss-20b"),
    # LM Studio and Ollama run on this machine and need no key. Which model LM Studio has loaded is not known.
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
"""The services by the name that configuration uses."""

NATIVE_DIMENSIONS: Mapping[str, int] = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
    "gemini-embedding-001": 3072,
    "mistral-embed": 1024,
    "nomic-embed-text": 768,
    "BAAI/bge-base-en-v1.5": 768,
}
"""The default length of the vectors of known embedding models."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a service, and the key to it.

    Attributes:
        provider: Its name in `PRESETS`.
        api_key: Never shown; a placeholder where the service needs none.
        base_url: Its address, if not the preset's.
        azure_endpoint: The Azure resource's URL.
        azure_deployment: The name of the Azure deployment, if not the model's.
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
        """The preset of the service."""
        return PRESETS[self.provider]

    def client_options(self) -> dict[str, Any]:
        """Return the arguments for the SDK's client classes."""
        if self.provider != AZURE:
            return {"api_key": self.api_key, "base_url": self.base_url or self.preset.base_url}
        return {
            "api_key": self.api_key,
            "azure_endpoint": self.azure_endpoint,
            "azure_deployment": self.azure_deployment,
            "api_version": self.api_version,
        }

    def settings(self) -> dict[str, object]:
        """Return the arguments for Holdfast's constructors, without secrets."""
        settings = {
            "base_url": _without_credentials(self.base_url),
            "azure_endpoint": _without_credentials(self.azure_endpoint),
            "azure_deployment": self.azure_deployment,
            "api_version": self.api_version,
        }
        return {name: value for name, value in settings.items() if value}

    def model(self, named: str | None, preset: str | None) -> str:
        """Return the model to use: the one `named`, else Azure's deployment, else the `preset`'s.

        Raises:
            ConfigError: There is no model.
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
    """Return the endpoint for these settings, completed from environment variables.

    Args:
        purpose: Which of Mem0's variables apply to Azure, such as `LLM_AZURE_ENDPOINT`.
        provider: A name in `PRESETS`.
        api_key: The key, `None` to read it from the preset's environment variable.
        base_url: An address instead of the preset's.
        azure_endpoint: The Azure resource's URL; makes this an Azure endpoint.
        azure_deployment: The name of the Azure deployment.
        api_version: Azure's protocol version.

    Raises:
        ConfigError: The provider is unknown, or its key or the Azure endpoint is missing.

    >>> azure = {"azure_endpoint": None, "azure_deployment": None, "api_version": None}
    >>> resolve_endpoint("LLM", provider="ollama", api_key=None, base_url="http://gpu:11434", **azure).base_url
    'http://gpu:11434/v1'
    """
    if azure_endpoint or provider == AZURE:
        return _azure_endpoint(purpose, api_key, azure_endpoint, azure_deployment, api_version)
    preset = PRESETS.get(provider)
    if preset is None:
        raise ConfigError(f"no provider is called {provider!r}: there are {', '.join(PRESETS)}")
    key = api_key or _environment(preset.key_variable)
    if not key and preset.key_variable and not base_url:
        raise ConfigError(f"{provider} needs a key: set {preset.key_variable} or pass api_key")
    # The SDK requires a key even where the service has none.
    return Endpoint(provider, key or "none", _with_default_path(base_url, preset))


def _azure_endpoint(
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


def _with_default_path(base_url: str | None, preset: Preset) -> str | None:
    """Return `base_url`, with the preset's path if it has none: `http://gpu:11434` becomes `http://gpu:11434/v1`."""
    if not base_url or not preset.base_url or urlsplit(base_url).path.strip("/"):
        return base_url or None
    return base_url.rstrip("/") + urlsplit(preset.base_url).path


def _without_credentials(url: str | None) -> str | None:
    if url is None or "@" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
