"""Every test and property that the plan names is there, by a name that is found here."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# By file, what the plan asks for and the test that holds it.
NAMED = {
    "rehearsal_django/test_port_binding.py": {
        "1.3 port binding": "test_property_port_binding_correctness",
    },
    "operations/test_blueprint.py": {
        "2.3 render.yaml, four services": "test_services_go_and_come_and_the_others_read_the_same",
    },
    "app_files/test_client_build.py": {
        "2.3 the frontend builds without Node": "test_client_builds_against_django",
    },
    "rehearsal_django/test_environment.py": {
        "3.5 a missing variable": "test_a_missing_variable_is_named",
        "3.5 an invalid variable": "test_a_malformed_variable_is_named_but_not_shown",
    },
    "app_files/test_api_client.py": {
        "5.5 401 redirects": "test_401_redirects_to_login",
        "5.5 a network error": "test_network_error_shows_a_message_for_people",
        "5.5 the prefix": "test_api_uses_the_v1_prefix",
        "Property 9": "test_property_9_jwt_token_inclusion",
        "Property 10": "test_property_10_datetime_parsing",
        "Property 11": "test_property_11_paginated_response_handling",
    },
    "app_files/test_client_tests.py": {
        "5.4 and 5.5 in the app's repository": "test_npm_test_passes_in_the_apps_repository",
    },
    "rehearsal_django/test_services.py": {
        "6.4 the health check's form": "test_health_answers_200_without_redirect",
        "6.4 a WebSocket": "test_a_notification_arrives_on_the_open_socket",
        "6.4 a celery task": "test_a_task_goes_out_and_its_result_comes_back",
        "Property 12": "test_property_12_error_response_standardization",
        "Property 13": "test_property_13_user_authentication",
        "Property 14": "test_property_14_crud_operations",
        "Property 15": "test_property_15_file_upload_success",
        "Property 16": "test_property_16_background_task_execution",
        "Property 17": "test_property_17_redis_cache_round_trip",
    },
    "app_files/test_scripts.py": {
        "8.5 files and manifest": "test_the_export_creates_json_files_and_a_manifest",
        "8.5 missing foreign keys": "test_the_import_handles_missing_foreign_keys_gracefully",
        "8.5 orphans": "test_the_verification_detects_orphaned_records",
    },
    "transfer/test_properties.py": {
        "Property 1": "test_property_1_relationship_preservation",
        "Property 2": "test_property_2_timestamp_preservation",
        "Property 3": "test_property_3_password_authentication_preservation",
        "Property 4": "test_property_4_file_url_accessibility",
        "Property 5": "test_property_5_record_count_preservation",
        "Property 6": "test_property_6_data_type_correctness",
        "Property 7": "test_property_7_unique_constraint_enforcement",
        "Property 8": "test_property_8_round_trip_serialization",
    },
}


@pytest.mark.parametrize(
    ("file", "name"),
    [(file, name) for file, names in NAMED.items() for name in names.values()],
    ids=[asked for names in NAMED.values() for asked in names],
)
def test_what_the_plan_asks_for_is_tested(file, name):
    """A test that is renamed or gone is told here; a property draws its examples."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    assert len(found) == 1, f"{file} has no `{name}`"
    assert ast.get_docstring(found[0])
    if "property" in name:
        drawn = [ast.unparse(each) for each in found[0].decorator_list]
        assert any(each.startswith("given(") for each in drawn), f"{name} draws no examples"
