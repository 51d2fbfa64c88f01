from django.urls import path

from runs import views

urlpatterns = [
    path("", views.home, name="home"),
    path("runs/", views.run_list, name="run-list"),
    path("runs/new/", views.run_new, name="run-new"),
    path("runs/<int:pk>/", views.run_detail, name="run-detail"),
    path("runs/<int:pk>/desktop/", views.run_desktop, name="run-desktop"),
    path("runs/<int:pk>/desktop/open/", views.run_desktop_open, name="run-desktop-open"),
    path("runs/<int:pk>/extend/", views.run_extend, name="run-extend"),
    path("runs/<int:pk>/settle/", views.run_settle, name="run-settle"),
    path("sessions/", views.session_list, name="session-list"),
    path("sessions/<int:pk>/", views.session_detail, name="session-detail"),
    path("sessions/<int:pk>/thread/", views.session_thread, name="session-thread"),
    path("healthz", views.healthz, name="healthz"),
]
