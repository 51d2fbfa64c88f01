from allauth.account.decorators import secure_admin_login
from allauth.account.views import logout
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView

from people.views import codes
from people.views.addresses import address

handler500 = "dashboard.server_error.server_error"

# The admin's own door knows no second factor and no limit on tries, and its own way to a new password is not
# noted and mailed to nobody.
admin.site.login = secure_admin_login(admin.site.login)
admin.site.password_change = RedirectView.as_view(pattern_name="account_change_password")

urlpatterns = [
    # Who has given the password but not yet the second factor may turn back, too.
    path("accounts/logout/", login_not_required(logout), name="account_logout"),
    path("accounts/email/", address, name="account_email"),
    path("accounts/2fa/recovery-codes/", codes.view, name="mfa_view_recovery_codes"),
    path("accounts/2fa/recovery-codes/download/", codes.download, name="mfa_download_recovery_codes"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("", include("people.urls")),
    path("", include("runs.urls")),
]
