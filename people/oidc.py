"""Signing in at an OpenID Connect provider: what allauth leaves unchecked, and who may enter.

allauth checks state, PKCE, `aud`, an `exp` that is there, and that `iss` is what the provider's own document
says. Here it must be the issuer that was configured, the token must end, the nonce must be the one of this
browser, and both answers of the provider must speak of the same person. People are known by issuer and `sub`,
never by an address."""

import hashlib
import math
import secrets
import time

from allauth.account import app_settings
from allauth.account.internal.flows.login import record_authentication
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from django.conf import settings
from django.db import transaction
from django.shortcuts import redirect, render
from django.urls import reverse

from people.addresses import people_of_address
from people.audit import Act, audit
from people.models import Membership, Workspace
from people.names import visible
from people.reauthentication import is_recent, say_again_url
from people.texts import beginning

NONCE = "oidc_nonce"
CONNECTING_SINCE = "connecting_since"
# The provider asks its person again, whoever its browser is signed in as, and says when it did.
ASK_ANEW = {"prompt": "login", "max_age": "0"}
KEPT = ("email", "preferred_username", "name")
LONGEST_UID = SocialAccount._meta.get_field("uid").max_length


class OpenIDConnect(OpenIDConnectProvider):
    package = "allauth.socialaccount.providers.openid_connect"

    def redirect(self, request, process, next_url=None, data=None, **kwargs):
        if process == AuthProcess.CONNECT and not _began_to_connect(request):
            raise ImmediateHttpResponse(redirect("socialaccount_connections"))
        request.session[NONCE] = nonce = secrets.token_urlsafe(24)
        # What an address asks for besides is not passed on: anybody can make up a link.
        kwargs["auth_params"] = {"nonce": nonce, **(ASK_ANEW if process == AuthProcess.REDIRECT else {})}
        kwargs["scope"] = self.get_scope()
        try:
            return super().redirect(request, process, next_url=next_url, data=data, **kwargs)
        except (OSError, KeyError, ValueError) as error:  # it does not answer, or not with its document
            return render_authentication_error(request, self, exception=error)

    def sociallogin_from_response(self, request, response):
        claims, told = response.get("id_token"), response.get("userinfo")
        nonce = request.session.pop(NONCE, "")
        if not claims:
            raise OAuth2Error("the provider sent no id token")
        if "exp" not in claims:
            raise OAuth2Error("the id token never ends")
        if str(claims.get("iss")).rstrip("/") != settings.OIDC_ISSUER:
            raise OAuth2Error("the id token is of another issuer")
        if not _is_issued_to(self.app.client_id, claims):
            raise OAuth2Error("the id token is for another client")
        if not nonce or not secrets.compare_digest(_bytes(str(claims.get("nonce", ""))), _bytes(nonce)):
            raise OAuth2Error("the id token is not of this sign-in")
        if told and told.get("sub") != claims.get("sub"):
            raise OAuth2Error("the provider speaks of two people")
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise OAuth2Error("the id token names nobody")
        told = told or {}
        # Whether an address is verified is said of the address beside it, and of no other.
        speaker = told if "email" in told else claims
        email = speaker.get("email")
        address = {
            "email": email if isinstance(email, str) else None,
            "email_verified": speaker.get("email_verified"),
        }
        return super().sociallogin_from_response(
            request, {**response, "userinfo": {**claims, **told, **address}}
        )

    def extract_extra_data(self, data):
        """What is kept: how they are called over there, and when they were asked. What else a provider says
        may be of any length, and hold what no database takes."""
        told, claims = data["userinfo"], data["id_token"]
        names = {
            name: visible(beginning(told[name], LONGEST_UID))
            for name in KEPT
            if isinstance(told.get(name), str)
        }
        asked_at = {"auth_time": _number(claims["auth_time"])} if "auth_time" in claims else {}
        return {"userinfo": names, "id_token": asked_at}

    def extract_uid(self, data):
        """Issuer and `sub` together: another issuer's person of the same `sub` is somebody else. Hashed where
        they would not fit, or hold what no database takes: cut short, two people could be one."""
        uid = f"{settings.OIDC_ISSUER}#{super().extract_uid(data)}"
        fits = len(uid) <= LONGEST_UID and uid.isprintable()
        return uid if fits else f"sha256:{hashlib.sha256(_bytes(uid)).hexdigest()}"


class InvitedByTheirDomain(DefaultSocialAccountAdapter):
    """Signing up is open to verified addresses of the domains that were named, and to nobody else."""

    def pre_social_login(self, request, sociallogin):
        """Whoever left the domain does not get in any more either."""
        process = sociallogin.state.get("process")
        if process == AuthProcess.REDIRECT:
            return _say_again(request, sociallogin)
        if process == AuthProcess.CONNECT:
            return _must_be_recent(request)
        # Whoever is signed in already comes in anew, and perhaps as somebody else.
        if not _is_welcome(sociallogin):
            audit(None, Act.SIGN_IN_FAILED, settings.OIDC_NAME, after={"reason": "domain"})
            raise ImmediateHttpResponse(render(request, "people/not_welcome.html", status=403))
        address = _verified_address(sociallogin)
        known = people_of_address(address)
        if not sociallogin.is_existing and known.exists():
            context = {"address": address}
            raise ImmediateHttpResponse(render(request, "people/known_address.html", context, status=403))

    def is_open_for_signup(self, request, sociallogin):
        return _is_welcome(sociallogin)

    def populate_user(self, request, sociallogin, data):
        """Names are theirs to choose over there, too: what nobody sees, and what is no text, is left out."""
        names = {key: visible(value) for key, value in data.items() if isinstance(value, str)}
        return super().populate_user(request, sociallogin, names)

    @transaction.atomic
    def save_user(self, request, sociallogin, form=None):
        """The account, and a place in the oldest workspace."""
        user = super().save_user(request, sociallogin, form)
        workspace = Workspace.objects.order_by("id").first()
        if workspace:
            membership = Membership.objects.create(user=user, workspace=workspace, role=settings.OIDC_ROLE)
            audit(membership, Act.JOINED, settings.OIDC_NAME, after={"role": membership.role})
        return user

    def on_authentication_error(self, request, provider, error=None, exception=None, extra_context=None):
        audit(
            None,
            Act.SIGN_IN_FAILED,
            settings.OIDC_NAME,
            after={"reason": beginning(str(exception or error), 200)},
        )


def _is_issued_to(client_id: str, claims: dict) -> bool:
    """Whether this client, which is in `aud`, is whom the token was issued to: `azp` says so, and may be left
    out for a single audience (OpenID Connect Core 1.0, 3.1.3.7)."""
    is_for_others_too = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    return claims["azp"] == client_id if "azp" in claims else not is_for_others_too


def _bytes(text: str) -> bytes:
    """Of any text that JSON can hold, halves of a pair too."""
    return text.encode("utf-8", "surrogatepass")


def _number(said) -> int | float | None:
    return said if isinstance(said, int | float) and math.isfinite(said) else None


def begin_to_connect(request) -> None:
    """To be called for a form of ours that asks for it: a link alone connects nothing."""
    request.session[CONNECTING_SINCE] = time.time()


def _began_to_connect(request) -> bool:
    since = request.session.pop(CONNECTING_SINCE, 0)
    return request.user.is_authenticated and time.time() - since < app_settings.REAUTHENTICATION_TIMEOUT


def _must_be_recent(request) -> None:
    if not is_recent(request):
        raise ImmediateHttpResponse(redirect(say_again_url(reverse("socialaccount_connections"))))


def _say_again(request, sociallogin) -> None:
    """Somebody who has nothing but single sign-on shows who they are by it. Raises OAuth2Error when it was
    somebody else, or nobody was asked anew."""
    if not (request.user.is_authenticated and sociallogin.user == request.user):
        raise OAuth2Error("somebody else signed in")
    claims = sociallogin.account.extra_data.get("id_token") or {}
    asked_at = claims.get("auth_time", time.time())
    if (
        not isinstance(asked_at, int | float)
        or time.time() - asked_at > app_settings.REAUTHENTICATION_TIMEOUT
    ):
        raise OAuth2Error("the provider did not ask again")
    record_authentication(request, request.user, method="socialaccount", reauthenticated=True)


def _is_welcome(sociallogin) -> bool:
    domain = _verified_address(sociallogin).rpartition("@")[2].lower()
    return bool(domain) and domain in settings.OIDC_ALLOWED_DOMAINS


def _verified_address(sociallogin) -> str:
    return next((address.email for address in sociallogin.email_addresses if address.verified is True), "")
