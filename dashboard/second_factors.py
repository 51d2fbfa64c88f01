"""The secrets of second factors, sealed like all others."""

from allauth.mfa.adapter import DefaultMFAAdapter

from runs.resealing import SECOND_FACTOR
from runs.sealed import seal, unseal


class SealedSecrets(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return seal(text, place=SECOND_FACTOR)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text, place=SECOND_FACTOR)
