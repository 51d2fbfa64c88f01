"""Files of a session's deployment: listed and fetched as documented, from answers of every kind."""

import pytest
import requests
import responses

from runs import giga
from runs.giga import Access, GigaError, Outcome, RemoteFile
from runs.models import GigaAccount
from simulator.config import Config
from simulator.server import start_in_thread
from tests import factories
from tests.factories import KEY

pytestmark = pytest.mark.any_database

URL = "https://api.giga.example"
ACCESS = Access(URL, KEY)
LIST = f"{URL}/api/files?deploymentId=dep_1"
DOWNLOAD = f"{URL}/api/files/download?fileId=file_1"
S3 = "https://bucket.s3.example/report.csv?X-Amz-Signature=" + "f" * 1200
REPORT = {
    "_id": "file_1",
    "fileName": "report.csv",
    "fileSize": 4096,
    "mimeType": "text/csv",
    "createdAt": "x",
}


@pytest.fixture
def answers():
    with responses.RequestsMock() as mocked:
        yield mocked


def listing(*files) -> dict:
    return {"success": True, "data": {"files": list(files)}}


def read_list() -> tuple[RemoteFile, ...]:
    return giga.list_files(ACCESS, deployment_id="dep_1")


class TestAnswers:
    def test_files_are_read_as_documented(self, answers):
        answers.get(LIST, json=listing(REPORT))
        assert read_list() == (RemoteFile("file_1", "report.csv", 4096, "text/csv", "x"),)
        assert answers.calls[0].request.headers["Authorization"] == f"Bearer {KEY}"

    def test_a_deployment_id_cannot_add_to_the_question(self, answers):
        answers.get(f"{URL}/api/files?deploymentId=a%26b%3D1%23", json=listing())
        assert giga.list_files(ACCESS, deployment_id="a&b=1#") == ()

    @pytest.mark.parametrize(
        "entry",
        [
            None,
            [],
            "file_1",
            {},
            {"fileName": "no id"},
            {"_id": "../x"},
            {"_id": "a b"},
            {"_id": {}},
            {"id": ""},
        ],
    )
    def test_an_entry_that_cannot_be_fetched_is_left_out(self, answers, entry):
        answers.get(LIST, json=listing(entry, REPORT))
        assert [file.name for file in read_list()] == ["report.csv"]

    @pytest.mark.parametrize("size", [None, -1, True, "12", 1.5, 2**70, [], {}])
    def test_a_size_that_is_none_is_not_made_up(self, answers, size):
        answers.get(LIST, json=listing({**REPORT, "fileSize": size}))
        assert read_list()[0].size is None

    @pytest.mark.parametrize("name", [None, "", "  ", {}, ["x"], "\x00"])
    def test_a_file_without_a_name_is_called_by_its_id(self, answers, name):
        answers.get(LIST, json=listing({**REPORT, "fileName": name}))
        assert read_list()[0].name == "file_1"

    def test_other_forms_of_ids_and_endless_names(self, answers):
        answers.get(LIST, json=listing({"id": "file_2", "_id": "file_1", "fileName": "x" * 9000}))
        assert (read_list()[0].file_id, len(read_list()[0].name)) == ("file_2", 300)

    def test_an_endless_list_ends(self, answers):
        answers.get(LIST, json=listing(*({"_id": f"f{n}"} for n in range(3000))))
        assert len(read_list()) == 1000

    @pytest.mark.parametrize("body", [{}, {"success": True, "data": {}}, {"files": {}}, {"files": "x"}, []])
    def test_an_answer_without_a_list_is_an_error(self, answers, body):
        answers.get(LIST, json=body)
        with pytest.raises(GigaError) as error:
            read_list()
        assert error.value.outcome == Outcome.UNCLEAR

    @pytest.mark.parametrize("field", ["downloadUrl", "url"])
    def test_the_address_is_taken_from_either_field(self, answers, field):
        answers.get(DOWNLOAD, json={"success": True, "data": {field: S3}})
        assert giga.get_download_url(ACCESS, file_id="file_1") == S3


@pytest.fixture
def agent_session(workspace):
    GigaAccount.objects.update(api_url=URL)
    return factories.make_session(workspace, deployment_id="dep_1")


@pytest.fixture
def signed_in(client, viewer):
    """A viewer: every member may see and fetch files."""
    client.force_login(viewer)
    return client


def part(client, agent_session):
    return client.get(f"/sessions/{agent_session.pk}/files/", headers={"HX-Request": "true"})


def link_of(client, answers, agent_session) -> str:
    answers.get(LIST, json=listing(REPORT))
    page = part(client, agent_session).content.decode()
    return page.split('class="row-link" href="')[1].split('"')[0]


@pytest.fixture
def simulated(request, workspace):
    """A session with the demo deployment of a simulated Giga in this scenario."""
    server = start_in_thread(Config(scenario=request.param))
    GigaAccount.objects.update(api_url=server.url)
    yield factories.make_session(workspace, deployment_id="dep_demo")
    server.stop()


class TestSimulated:
    @pytest.mark.parametrize("simulated", ["default"], indirect=True)
    def test_a_file_is_listed_and_its_bytes_arrive(self, signed_in, simulated):
        page = part(signed_in, simulated).content.decode()
        assert "report.csv" in page and "notes.txt" in page
        answer = signed_in.get(page.split('class="row-link" href="')[1].split('"')[0])
        assert requests.get(answer.headers["Location"], timeout=5).text.startswith("number,name,amount")

    @pytest.mark.parametrize("simulated", ["hostile"], indirect=True)
    def test_a_hostile_list_is_shown_as_text(self, signed_in, simulated):
        page = part(signed_in, simulated).content.decode()
        assert page.count('class="file-line"') == 4 and page.count("size not told") == 2
        assert "<script>" not in page and "\x00" not in page

    @pytest.mark.long
    @pytest.mark.parametrize("simulated", ["drip"], indirect=True)
    def test_a_giga_that_drips_is_waited_for_no_longer_than_its_deadline(
        self, signed_in, simulated, monkeypatch
    ):
        monkeypatch.setattr(giga, "READ_S", 1)
        assert "no complete answer within 1 s" in part(signed_in, simulated).content.decode()

    @pytest.mark.parametrize(
        "simulated",
        ["garbage", "html-200", "bad-gateway", "huge", "success-false", "key-refused"],
        indirect=True,
    )
    def test_whatever_giga_answers_the_part_says_so(self, signed_in, simulated):
        page = part(signed_in, simulated).content.decode()
        assert 'role="alert"' in page and "Look again" in page


class TestPages:
    def test_the_page_does_not_wait_for_giga(self, signed_in, agent_session, answers):
        page = signed_in.get(f"/sessions/{agent_session.pk}/").content.decode()
        assert f'hx-get="/sessions/{agent_session.pk}/files/" hx-trigger="load"' in page
        assert "Show files" in page
        assert len(answers.calls) == 0

    def test_without_a_deployment_there_is_no_place_for_files(self, signed_in, workspace):
        session = factories.make_session(workspace)
        assert "files" not in signed_in.get(f"/sessions/{session.pk}/").content.decode()

    def test_without_a_script_the_whole_page_comes_with_them(self, signed_in, agent_session, answers):
        answers.get(LIST, json=listing(REPORT))
        page = signed_in.get(f"/sessions/{agent_session.pk}/files/").content.decode()
        assert "report.csv" in page and "4.0\xa0KB" in page and "<html" in page

    def test_what_giga_does_not_know_is_hidden(self, signed_in, agent_session, answers):
        answers.get(LIST, status=404, json={"error": {"code": "RESOURCE_NOT_FOUND", "message": "No"}})
        page = part(signed_in, agent_session).content.decode()
        assert "<h2" not in page and 'id="files"' in page

    def test_a_refusal_is_told_with_its_request_and_counts_for_the_key(
        self, signed_in, agent_session, answers
    ):
        error = {"code": "RATE_LIMITED", "message": "Too many requests", "requestId": "req-7"}
        answers.get(LIST, status=429, json={"error": error}, headers={"Retry-After": "90"})
        page = part(signed_in, agent_session).content.decode()
        assert "Too many requests (req-7)" in page
        assert GigaAccount.objects.get(workspace=agent_session.workspace).not_before is not None
        # Meanwhile Giga is not asked.
        assert "Waiting for the rate limit" in part(signed_in, agent_session).content.decode()
        assert len(answers.calls) == 1

    def test_a_key_that_cannot_be_opened_is_told_and_asks_nothing(self, signed_in, agent_session, answers):
        GigaAccount.objects.filter(workspace=agent_session.workspace).update(sealed_api_key="v1.AAAA")
        assert "cannot be opened" in part(signed_in, agent_session).content.decode()
        assert not answers.calls

    def test_a_session_of_another_giga_is_not_asked_about(self, signed_in, workspace, answers):
        session = factories.make_session(workspace, deployment_id="dep_1", is_simulated=True)
        assert "another Giga" in part(signed_in, session).content.decode()
        assert len(answers.calls) == 0

    def test_a_click_asks_for_a_fresh_address_and_goes_there(self, signed_in, agent_session, answers):
        link = link_of(signed_in, answers, agent_session)
        assert "s3.example" not in link
        for number in (1, 2):
            answers.upsert("GET", DOWNLOAD, json={"success": True, "data": {"url": f"{S3}{number}"}})
            answer = signed_in.get(link)
            assert (answer.status_code, answer.headers["Location"]) == (302, f"{S3}{number}")
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "no-store" in answer.headers["Cache-Control"]

    @pytest.mark.parametrize(
        "url",
        [
            None,
            7,
            "",
            "javascript:alert(1)",
            "data:text/html,x",
            "//evil.example/x",
            "/admin/",
            "http://bucket.s3.example/plain",
            "http://127.0.0.1:1/x",
            "https://127.0.0.1/x",
            "wss://bucket.s3.example/x",
            "https://user@evil.example/",
            "https://evil.example/\r\nSet-Cookie: a=b",
            "https://evil.example/" + "x" * 9000,
        ],
    )
    def test_an_address_that_is_not_of_the_web_is_not_followed(self, signed_in, agent_session, answers, url):
        link = link_of(signed_in, answers, agent_session)
        answers.get(DOWNLOAD, json={"success": True, "data": {"downloadUrl": url}})
        answer = signed_in.get(link, follow=True)
        assert answer.redirect_chain == [(f"/sessions/{agent_session.pk}/", 302)]
        assert "address for this file" in answer.content.decode()

    def test_the_simulators_own_address_is_followed_where_giga_is_local(
        self, signed_in, agent_session, answers
    ):
        GigaAccount.objects.update(api_url="http://127.0.0.1:9")
        answers.get("http://127.0.0.1:9/api/files?deploymentId=dep_1", json=listing(REPORT))
        page = part(signed_in, agent_session).content.decode()
        answers.get(
            "http://127.0.0.1:9/api/files/download?fileId=file_1",
            json={"success": True, "data": {"url": "http://127.0.0.1:9/storage/file_1"}},
        )
        answer = signed_in.get(page.split('class="row-link" href="')[1].split('"')[0])
        assert answer.headers["Location"] == "http://127.0.0.1:9/storage/file_1"

    def test_only_what_was_listed_for_a_session_is_fetched_by_its_page(
        self, signed_in, workspace, agent_session, answers
    ):
        link = link_of(signed_in, answers, agent_session)
        other = factories.make_session(workspace, deployment_id="dep_2")
        for path in (
            link.replace(f"/{agent_session.pk}/", f"/{other.pk}/"),
            f"/sessions/{agent_session.pk}/files/file_1/",
            f"/sessions/{agent_session.pk}/files/a:b:c/",
        ):
            assert signed_in.get(path).status_code == 404
        assert len(answers.calls) == 1

    def test_another_teams_files_are_not_there(self, client, signed_in, stranger, agent_session, answers):
        link = link_of(signed_in, answers, agent_session)
        client.force_login(stranger)
        assert client.get(link).status_code == 404
        assert client.get(f"/sessions/{agent_session.pk}/files/").status_code == 404
