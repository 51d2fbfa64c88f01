from django.urls import path

from people import views

urlpatterns = [path("enter/<str:uid>/<str:token>/", views.enter, name="enter")]
