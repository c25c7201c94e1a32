"""Whether a text holds something that looks like a secret, by the detectors of detect-secrets.

Detectors of mere randomness are left out: they take digests and test data for keys.
"""

from __future__ import annotations

from qlayer.errors import ConfigurationError

_DETECTORS = (
    *("AWSKeyDetector", "ArtifactoryDetector", "AzureStorageKeyDetector", "BasicAuthDetector"),
    *("CloudantDetector", "DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector"),
    *("JwtTokenDetector", "KeywordDetector", "MailchimpDetector", "NpmDetector", "OpenAIDetector"),
    *("PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector", "SlackDetector", "SquareOAuthDetector"),
    *("StripeDetector", "TelegramBotTokenDetector", "TwilioKeyDetector"),
)


def secrets_in(text: str) -> tuple[str, ...]:
    """The kinds of secrets found, never the secrets. Raises `ConfigurationError` without the extra."""
    try:
        from detect_secrets.core.scan import scan_line
        from detect_secrets.settings import transient_settings
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"nothing is exported unsearched, and searching for secrets needs the package {error.name}",
            hint="pip install 'qlayer[memory]'",
        ) from None
    with transient_settings({"plugins_used": [{"name": name} for name in _DETECTORS]}):
        return tuple(sorted({found.type for line in text.splitlines() for found in scan_line(line)}))
